"""Photos train, sketches are meant: `fine_tune` with 30 sketches to validate.

    python benchmarks/sketches_as_validation.py PHOTOS SKETCHES \
        --weights FILE.h5 [--shots 5 20] [--seeds 5]

MobileNetV2 at 128 px trains on 5 or 20 photos a class, once the head alone
(`epochs=0`) and once with `fine_tune` as it is; 30 sketches of the training
part of the other folder are `validation=`, and its test part is looked at once.
One JSON file a row in `benchmarks/results/sketches_as_validation/`; what is
there is not run again. Prints a table.
"""

import argparse
from pathlib import Path

import keras
import numpy as np
from cells import difference, read, write
from gradual_unfreezing import photos
from peer_recipes import backbone, ours

from keras_transfer.data.sampling import few_shot

RESULTS = Path(__file__).resolve().parent / "results"
RESULTS = RESULTS / "sketches_as_validation"
NUM_VALIDATION = 30


def cell(train, sketches, test, shots, seed, weights):
    """Test accuracy of head and fine-tuned model, and which was kept."""
    x, y = train
    drawn = few_shot(y, shots, seed)
    random = np.random.default_rng(seed)
    held_out = random.choice(len(sketches[1]), NUM_VALIDATION, replace=False)
    validation = tuple(part[held_out] for part in sketches)
    found = {}
    for name, options in (("head", {"epochs": 0}), ("fine_tune", {})):
        keras.utils.set_random_seed(seed)
        classify = ours(
            x[drawn], y[drawn], int(y.max()) + 1, backbone(x, weights), seed,
            validation=validation, **options,
        )  # fmt: skip
        is_right = classify(test[0]).argmax(axis=-1) == test[1]
        found[name] = round(float(is_right.mean()), 4)
    return found | {"weights": classify.about["weights"]}


def row(shots, cells):
    sides = [
        np.array([each[name] for each in cells.values()])
        for name in ("fine_tune", "head")
    ]
    kept = sum("head alone" in each["weights"] for each in cells.values())
    gain = difference(*sides) if len(cells) > 1 else f"{sides[0] - sides[1]}"
    means = " | ".join(f"{side.mean():.3f}" for side in sides)
    return f"| {shots} | {means} | {gain} | {kept} of {len(cells)} |"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos")
    parser.add_argument("sketches")
    parser.add_argument("--weights", required=True)
    parser.add_argument("--shots", nargs="+", type=int, default=[5, 20])
    parser.add_argument("--seeds", type=int, default=5)
    given = parser.parse_args()
    train, _ = photos(given.photos)
    sketches, test = photos(given.sketches)
    lines = []
    for shots in given.shots:
        path = RESULTS / f"{shots}.json"
        for seed in range(given.seeds):
            if str(seed) not in read(path):
                found = cell(train, sketches, test, shots, seed, given.weights)
                write(path, read(path) | {str(seed): found})
                print(shots, seed, found, flush=True)
        lines.append(row(shots, read(path)))
    print("| labels a class | fine_tune | head | difference | head kept |")
    print("| --- | --- | --- | --- | --- |")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
