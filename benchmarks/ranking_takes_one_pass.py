"""`rank_backbones` of five sources against the five bare feature passes.

    python benchmarks/ranking_takes_one_pass.py PHOTOS --models FILE.keras ... \
        --weights FILE.h5 [--size 128] [--pairs 3]

The photos of `PHOTOS/train`, decoded, in memory. One side is `rank_backbones`
of MobileNetV2 (with the file's weights), MobileNets of widths 1, 0.5 and 0.25
with random weights and the models in the files, the first five of these. The
other is what nobody can leave out: `predict` of each frozen backbone with its
mean over positions, built anew as the ranking builds it. Both sides alternate
in one process. `--no-drop` has every candidate run over all photos. Prints
seconds, the ratio (goal: at most 1.15), and the ranking.
"""

import argparse

import keras
import numpy as np
from gradual_unfreezing import photos
from paired import line, machine, paired

import keras_transfer as kt
from keras_transfer.recipes.assessment import race


def sources(given):
    """The five candidates by name; random weights are seeded."""
    keras.utils.set_random_seed(0)
    shape = (given.size, given.size, 3)
    found = {f"lite {i}": path for i, path in enumerate(given.models)}
    if given.weights:
        found["MobileNetV2"] = "MobileNetV2"
    for alpha in (1.0, 0.5, 0.25):
        found[f"MobileNet {alpha}"] = keras.applications.MobileNet(
            shape, alpha=alpha, include_top=False, weights=None
        )
    return dict(list(found.items())[:5])


def passes(candidates, weights, x):
    """The bare passes: build, predict, let go."""
    for name, source in candidates.items():
        model = kt.TransferModel(
            source, head=2, input_shape=x.shape[1:],
            weights=weights.get(name, "imagenet"),
        )  # fmt: skip
        pooled = keras.layers.GlobalAveragePooling2D()(model.features)
        keras.Model(model.input, pooled).predict(x, verbose=0)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos")
    parser.add_argument("--models", nargs="*", default=[])
    parser.add_argument("--weights")
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--no-drop", action="store_true")
    given = parser.parse_args()
    if given.no_drop:
        race.dropped = lambda *arguments: []
    (x, y), _ = photos(given.photos, given.size)
    x = np.asarray(x)
    candidates, found = sources(given), []
    weights = {"MobileNetV2": given.weights} if given.weights else {}
    weights = {name: w for name, w in weights.items() if name in candidates}

    def rank():
        found.append(
            kt.rank_backbones(candidates, (x, y), weights=weights, verbose=0)
        )

    result = paired(
        rank,
        lambda: passes(candidates, weights, x),
        pairs=given.pairs,
        warm_up=0,
    )
    print(found[-1])
    print(line(f"{len(candidates)} sources, {len(x)} photos", result))
    print(f"{machine()}, {keras.backend.backend()}, Keras {keras.__version__}")


if __name__ == "__main__":
    main()
