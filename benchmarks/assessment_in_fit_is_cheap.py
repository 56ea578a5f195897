"""The assessment that `fit` prints takes a small share of `fine_tune`.

    python benchmarks/assessment_in_fit_is_cheap.py --weights FILE.h5 \
        flowers5=PHOTOS [--shots 5 20 all] [--size 128]

On folders `PHOTOS/train/CLASS/*.jpg`, MobileNetV2 with ImageNet weights. The
assessment runs inside `fine_tune`, as in `keras-transfer fit`; its seconds and
those of the rest are from one run. Prints a table, and keeps it in
`benchmarks/results/assessment_in_fit/`.
"""

import argparse
import time
from pathlib import Path

import keras
from cells import read, write

import keras_transfer as kt
from keras_transfer.recipes.assessment.before_training import (
    assess_before_training,
)

RESULTS = Path(__file__).resolve().parent / "results" / "assessment_in_fit"


def cell(folder, shots, size, weights):
    """Trains once; returns the seconds of the assessment and of the rest."""
    keras.utils.set_random_seed(0)
    data = kt.data.load(
        folder, image_size=size, validation_split=0,
        shots_per_class=None if shots == "all" else int(shots),
    )  # fmt: skip
    model = kt.TransferModel(
        "MobileNetV2", head=len(data.class_names),
        input_shape=(size, size, 3), weights=weights,
    )  # fmt: skip
    seconds = []

    def timed(*arguments):
        started = time.perf_counter()
        assess_before_training(*arguments)
        seconds.append(time.perf_counter() - started)

    started = time.perf_counter()
    kt.fine_tune(model, data.train, on_features=timed, verbose=0)
    whole = time.perf_counter() - started
    return {
        "samples": data.num_samples["train"],
        "assessment": round(seconds[0], 2),
        "rest": round(whole - seconds[0], 1),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", nargs="+", metavar="NAME=FOLDER")
    parser.add_argument("--weights", required=True)
    parser.add_argument("--shots", nargs="+", default=["5", "20", "all"])
    parser.add_argument("--size", type=int, default=128)
    given = parser.parse_args()
    print("| data | labels a class | samples | assessment s | rest s | share |")
    print("| --- | --- | --- | --- | --- | --- |")
    for each in given.data:
        name, _, folder = each.partition("=")
        path = RESULTS / f"{name}.json"
        for shots in given.shots:
            if shots not in read(path):
                found = cell(folder, shots, given.size, given.weights)
                write(path, read(path) | {shots: found})
            c = read(path)[shots]
            share = c["assessment"] / c["rest"]
            print(
                f"| {name} | {shots} | {c['samples']} | {c['assessment']} "
                f"| {c['rest']} | {share:.1%} |"
            )


if __name__ == "__main__":
    main()
