"""What a search of 15 trials adds to `keras-transfer fit`.

    python benchmarks/tune_against_fit.py --weights FILE.h5 PHOTOS [...] \
        [--seeds 5] [--trials 15] [--shots 60] [--size 128]

Folders `PHOTOS/train|test/CLASS/*.jpg`, a fifth of the training part held out
for validation, `shots` of the others a class (all: 0) to train on: for both
sides the same. `fit` is `fine_tune` with its defaults;
`tune` is `search` over the space "small" with the defaults of the command, its
first trial the same as `fit`. The test set is looked at once. One JSON file a
side in `benchmarks/results/tune/`; what is there is not run again. Prints a
table of means, paired differences and CPU seconds.
"""

import argparse
import tempfile
import time
from pathlib import Path

import keras
import numpy as np
from cells import difference, read, tests, write

import keras_transfer as kt

RESULTS = Path(__file__).resolve().parent / "results" / "tune"


def fit(data, given, seed):
    keras.utils.set_random_seed(seed)
    model = kt.TransferModel(
        "MobileNetV2", len(data.class_names),
        input_shape=(given.size, given.size, 3), weights=given.weights,
    )  # fmt: skip
    result = kt.fine_tune(model, data, seed=seed, verbose=0)
    return model, {"val_accuracy": result.best.get("val_accuracy")}


def tune(data, given, seed):
    hypermodel = kt.TransferHyperModel(
        len(data.class_names), (given.size, given.size, 3), ["MobileNetV2"],
        weights=given.weights, seed=seed,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        result = kt.search(
            hypermodel, data, trials=given.trials, seed=seed, directory=folder
        )
    return result.model, {
        "val_accuracy": result.best["val_accuracy"],
        "recipe": result.recipe["hyperparameters"],
        "best trial": result.trials[0]["trial"],
        "scores": [
            row["score"]
            for row in sorted(result.trials, key=lambda row: row["trial"])
        ],
    }


SIDES = {"fit": fit, "tune": tune}


def file_of(folder, side, shots):
    return RESULTS / f"{folder.name}_{shots or 'all'}_{side}.json"


def run_missing(folder, given):
    for seed in range(given.seeds):
        for side, train in SIDES.items():
            path = file_of(folder, side, given.shots)
            if str(seed) in read(path):
                continue
            data = kt.data.load(
                folder,
                image_size=given.size,
                shots_per_class=given.shots or None,
                seed=seed,
            )
            started = time.process_time()
            model, found = train(data, given, seed)
            seconds = time.process_time() - started
            model.compile(
                loss="sparse_categorical_crossentropy", metrics=["accuracy"]
            )
            logs = model.evaluate(data.test, verbose=0, return_dict=True)
            found |= {
                "test": round(logs["accuracy"], 4),
                "seconds": round(seconds, 1),
            }
            write(path, read(path) | {str(seed): found})
            print(folder.name, side, seed, found, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--weights", default="imagenet")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--trials", type=int, default=15)
    parser.add_argument("--shots", type=int, default=60)
    parser.add_argument("--size", type=int, default=128)
    given = parser.parse_args()
    print("| data | side | test (seeds) | tune is better by | CPU seconds |")
    print("| --- | --- | --- | --- | --- |")
    for folder in given.folders:
        run_missing(folder, given)
        files = {s: file_of(folder, s, given.shots) for s in SIDES}
        found = {side: tests(path) for side, path in files.items()}
        for side, values in found.items():
            cells = read(files[side]).values()
            gain = ""
            if side == "fit":
                gain = difference(found["tune"], values)
            print(
                f"| {folder.name} | {side} | {values.mean():.3f} "
                f"({len(values)}) | {gain} | "
                f"{np.median([c['seconds'] for c in cells]):.0f} |"
            )


if __name__ == "__main__":
    main()
