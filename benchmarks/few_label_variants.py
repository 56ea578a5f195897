"""`fine_tune` with few labels: batch norm, flips and views, against the rule.

    python benchmarks/few_label_variants.py flowers5=FOLDER trashnet6=FOLDER \
        --weights FILE.h5 [--shots 20] [--seeds 3]

MobileNetV2 at 128 px on `shots` training photos a class, without folds; the
test part is looked at once. "batch norm trains" is `train_batch_norm=True`;
"flips" augments with `RandomFlip`, anew in each step; "views" computes four
augmented versions of each photo once (`views=4`), with the rule for many
labels. One JSON file a row in `benchmarks/results/few_label_variants/`; what is
there is not run again. Prints a table.
"""

import argparse
from pathlib import Path

import keras
import numpy as np
from cells import difference, read, write
from gradual_unfreezing import photos
from peer_recipes import backbone

import keras_transfer as kt
from keras_transfer.data.sampling import few_shot

RESULTS = Path(__file__).resolve().parent / "results" / "few_label_variants"
# Name: options of the model, options of `fine_tune`.
VARIANTS = {
    "the rule": ({}, {}),
    "batch norm trains": ({"train_batch_norm": True}, {}),
    "flips": ({"augmentation": True}, {}),
    "views": ({"augmentation": True}, {"views": 4}),
}


def cell(train, test, shots, variant, seed, weights):
    """Test accuracy of one variant."""
    x, y = train
    drawn = few_shot(y, shots, seed)
    keras.utils.set_random_seed(seed)
    about_model, options = (dict(each) for each in VARIANTS[variant])
    if about_model.pop("augmentation", False):
        about_model["augmentation"] = keras.layers.RandomFlip("horizontal")
    model = kt.TransferModel(
        backbone(x, weights), int(y.max()) + 1, preprocessing="tf",
        **about_model,
    )  # fmt: skip
    result = kt.fine_tune(
        model, (x[drawn], y[drawn]), seed=seed, folds=0, verbose=0, **options
    )
    choices = {row["choice"]: row["value"] for row in result.choices}
    is_right = model.predict(test[0], verbose=0).argmax(axis=-1) == test[1]
    return {
        "test": round(float(is_right.mean()), 4),
        "weights": str(choices.get("weights", "")),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", nargs="+", metavar="NAME=FOLDER")
    parser.add_argument("--weights", required=True)
    parser.add_argument("--shots", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    lines = []
    for name, place in (each.split("=", 1) for each in given.data):
        train, test = photos(place)
        found = {}
        for variant in VARIANTS:
            row = f"{name}_{given.shots}_{variant}".replace(" ", "_")
            path = RESULTS / f"{row}.json"
            for seed in range(given.seeds):
                if str(seed) not in read(path):
                    each = cell(
                        train, test, given.shots, variant, seed, given.weights
                    )
                    write(path, read(path) | {str(seed): each})
                    print(name, variant, seed, each, flush=True)
            cells = read(path).values()
            found[variant] = np.array([each["test"] for each in cells])
        for variant, tests in found.items():
            gain = difference(tests, found["the rule"])
            lines.append(
                f"| {name} | {variant} | {tests.mean():.3f} | {gain} |"
            )
    print("| data | variant | test accuracy | against the rule |")
    print("| --- | --- | --- | --- |")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
