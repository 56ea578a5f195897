"""What a head that reads several depths brings over one on the last alone.

    python benchmarks/levels_against_last.py --weights FILE.h5 PHOTOS [...] \
        [--shots 5 20] [--seeds 5] [--size 128]

Folders `PHOTOS/train|test/CLASS/*.jpg`. The head alone (`fine_tune` with
`epochs=0`), on `shots` photos a class (all: 0) and without validation data:
on the last level, on five levels, and with `levels="auto"`, which lets the
folds decide between the two. The test set is looked at once. One JSON file a
way in `benchmarks/results/levels/`; what is there is not run again. Prints
test accuracies, paired differences to the last level, and CPU seconds.
"""

import argparse
import time
from pathlib import Path

import keras
import numpy as np
from cells import difference, read, tests, write

import keras_transfer as kt

RESULTS = Path(__file__).resolve().parent / "results" / "levels"
WAYS = ("last", 5, "auto")


def cell(folder, shots, way, seed, given):
    data = kt.data.load(
        folder, image_size=given.size, shots_per_class=shots or None,
        validation_split=0.0, seed=seed,
    )  # fmt: skip
    keras.utils.set_random_seed(seed)
    model = kt.TransferModel(
        "MobileNetV2", len(data.class_names), weights=given.weights,
        input_shape=(given.size, given.size, 3), levels=way,
    )  # fmt: skip
    started = time.process_time()
    result = kt.fine_tune(model, data.train, epochs=0, seed=seed, verbose=0)
    seconds = time.process_time() - started
    model.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    logs = model.evaluate(data.test, verbose=0, return_dict=True)
    return {
        "test": round(logs["accuracy"], 4),
        "seconds": round(seconds, 1),
        "choices": [c for c in result.choices if c["choice"] == "levels"],
    }


def file_of(folder, shots, way):
    return RESULTS / f"{folder.name}_{shots or 'all'}_{way}.json"


def run_missing(folder, shots, given):
    for seed in range(given.seeds):
        for way in WAYS:
            path = file_of(folder, shots, way)
            if str(seed) not in read(path):
                found = cell(folder, shots, way, seed, given)
                write(path, read(path) | {str(seed): found})
                print(folder.name, shots, way, seed, found, flush=True)


def rows(folder, shots):
    base = tests(file_of(folder, shots, "last"))
    for way in WAYS:
        values = tests(file_of(folder, shots, way))
        cells = read(file_of(folder, shots, way)).values()
        gain = "" if way == "last" else difference(values, base)
        seconds = np.median([c["seconds"] for c in cells])
        yield (
            f"| {folder.name} | {shots or 'all'} | {way} | "
            f"{values.mean():.3f} ({len(values)}) | {gain} | {seconds:.0f} |"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--weights", default="imagenet")
    parser.add_argument("--shots", type=int, nargs="+", default=[5, 20])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--size", type=int, default=128)
    given = parser.parse_args()
    lines = []
    for folder in given.folders:
        for shots in given.shots:
            run_missing(folder, shots, given)
            lines += rows(folder, shots)
    print("| data | shots | levels | test (seeds) | gain | CPU seconds |")
    print("| --- | --- | --- | --- | --- | --- |")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
