"""Draws `route_of_a_batch.svg`: the files that one batch passes in `fit`.

python docs/pictures/route_of_a_batch.py

It fails if a file is gone, so a move has to be drawn again.
"""

import textwrap
from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Patch

import keras_transfer as kt

PACKAGE = Path(kt.__file__).parent
KERAS = "Keras"
# Way of training: file, what it does with the batch. Before the box "Keras"
# once for each `fit`, behind it once for each batch.
ROUTES = {
    "plain": [
        ("models/base.py", "fit: arrays become numbered batches"),
        ("data/adapters.py", "one adapter for every kind of data"),
        ("data/look.py", "checks pixels and labels before anything trains"),
        (KERAS, "fit: epochs, batches, callbacks"),
        ("data/seeded_batches.py", "reads the samples of this step"),
        ("models/transfer/transfer_model.py", "call: the whole graph"),
        ("layers/preprocessing.py", "pixels to the source's scale"),
        ("layers/head.py", "features to scores"),
        ("models/penalized.py", "loss, and L2-SP if there is one"),
        ("training/layerwise_optimizer.py", "a rate for each block"),
    ],
    "cached": [
        ("models/base.py", "fit: arrays become numbered batches"),
        ("models/transfer/cached_fit.py", "one call of fit for each boundary"),
        ("feature_cache/boundary.py", "cuts the model where training begins"),
        ("feature_cache/building.py", "runs the frozen part once over all"),
        ("feature_cache/rows.py", "keeps its output, in memory or in files"),
        (KERAS, "fit: epochs, batches, callbacks"),
        ("feature_cache/cached.py", "reads the kept features of this step"),
        ("models/transfer/transfer_model.py", "call: above the boundary only"),
        ("layers/head.py", "features to scores"),
        ("models/penalized.py", "loss, and L2-SP if there is one"),
    ],
    "matched": [
        ("models/base.py", "fit: arrays become numbered batches"),
        ("models/matching/matched_fit.py", "measures scales and similarity"),
        ("models/matching/source_scale.py", "the source's channels, once"),
        (KERAS, "fit: epochs, batches, callbacks"),
        ("models/matching/feature_matcher.py", "call: source and target"),
        ("models/matching/taps.py", "features from the middle of both"),
        ("layers/adapter.py", "target features in the source's shape"),
        ("losses/feature_matching.py", "a distance for each pair"),
        ("models/matching/matching_step.py", "weighs distances and labels"),
        ("models/penalized.py", "loss, and L2-SP if there is one"),
    ],
    "mirrored": [
        ("training/distribution.py", "strategy; prepare: model and devices"),
        ("models/base.py", "fit: arrays become numbered batches"),
        ("data/adapters.py", "batches that all devices share equally"),
        ("data/look.py", "checks pixels and labels before anything trains"),
        (KERAS, "fit: a part of the batch for each device"),
        ("models/transfer/transfer_model.py", "call, on each device"),
        ("layers/head.py", "features to scores"),
        ("models/penalized.py", "loss, and L2-SP counted once"),
        ("_private/training.py", "extra losses shared among the devices"),
        ("training/layerwise_optimizer.py", "gradients summed; one step"),
    ],
}
COLOURS = {
    KERAS: "#d9d9d9", "models": "#a6cee3", "data": "#b2df8a",
    "feature_cache": "#fdbf6f", "layers": "#cab2d6", "losses": "#fb9a99",
    "training": "#ffff99", "_private": "#e5c494",
}  # fmt: skip
WIDTH, HEIGHT, STEP, LANE = 1.8, 1.0, 2.05, 1.4


def room(file):
    return file.partition("/")[0]


def box(axis, x, y, file, text):
    axis.add_patch(
        FancyBboxPatch(
            (x, y),
            WIDTH,
            HEIGHT,
            boxstyle="round,pad=0.02",
            facecolor=COLOURS[room(file)],
            edgecolor="#444444",
        )
    )
    folder, _, name = file.rpartition("/")
    middle = x + WIDTH / 2
    lines = [
        (0.86, folder and f"{folder}/", {"fontsize": 7}),
        (0.66, name, {"fontsize": 7, "weight": "bold"}),
        (0.26, "\n".join(textwrap.wrap(text, 22)), {"fontsize": 6.5}),
    ]
    for height, line, font in lines:
        axis.text(middle, y + height, line, ha="center", va="center", **font)


def lane(axis, y, name, route):
    axis.text(-0.2, y + HEIGHT / 2, name, fontsize=11, weight="bold",
              ha="right", va="center")  # fmt: skip
    for place, (file, text) in enumerate(route):
        box(axis, place * STEP, y, file, text)
        if place:
            end = (place * STEP - 0.02, y + HEIGHT / 2)
            start = ((place - 1) * STEP + WIDTH + 0.02, y + HEIGHT / 2)
            axis.add_patch(
                FancyArrowPatch(start, end, arrowstyle="->", mutation_scale=10)
            )


def legend(axis):
    handles = [
        Patch(facecolor=colour, edgecolor="#444444", label=name)
        for name, colour in COLOURS.items()
    ]
    axis.legend(handles=handles, loc="upper center", ncols=len(handles),
                bbox_to_anchor=(0.5, 0.02), frameon=False)  # fmt: skip


def main():
    for route in ROUTES.values():
        for file, _ in route:
            if file != KERAS and not (PACKAGE / file).is_file():
                raise SystemExit(f"keras_transfer/{file} is gone: draw anew")
    # Text as text, and the same file on every machine.
    plt.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "0"})
    figure, axis = plt.subplots(figsize=(18, 5.8))
    for place, (name, route) in enumerate(ROUTES.items()):
        lane(axis, -place * LANE, name, route)
    axis.autoscale_view()
    legend(axis)
    axis.set_aspect("equal")
    axis.set_axis_off()
    path = Path(__file__).with_suffix(".svg")
    figure.savefig(path, bbox_inches="tight", metadata={"Date": None})


if __name__ == "__main__":
    main()
