"""Learning curves of a quarter of the labels reach the error with all.

    python benchmarks/learning_curves_reach.py --weights FILE.h5 \
        flowers5=PHOTOS trashnet6=PHOTOS cifar10_6k=PHOTOS photo=PHOTOS \
        art=PHOTOS sketch=PHOTOS [--seeds 3] [--size 128] [--within-train]

On folders `PHOTOS/train|test/CLASS/*.jpg`, features of MobileNetV2 with
ImageNet weights. `probe_learning_curve` sees a quarter of the training
samples, drawn class by class, and nothing else; it predicts the error of a
probe on all of them, with its 90 % interval. What is predicted is then
measured: a probe on all training samples, on the test part. With
`--within-train` 60 % of the training samples are all, and the others the test
part: on these the interval's settings were chosen. One JSON file a set in
`benchmarks/results/learning_curves/`. Prints a table.
"""

import argparse
import time
from pathlib import Path

import keras
import numpy as np
from cells import read, write

import keras_transfer as kt
from keras_transfer.recipes.head_stage import pooled_once
from keras_transfer.transferability import probe_learning_curve
from keras_transfer.transferability.folds import folds_for
from keras_transfer.transferability.linear_probe import fit_linear_probe

RESULTS = Path(__file__).resolve().parent / "results" / "learning_curves"


def pooled(folder, size, weights):
    """Features and labels of both parts of a folder."""
    data = kt.data.load(folder, image_size=size, validation_split=0)
    model = kt.TransferModel(
        "MobileNetV2", head=len(data.class_names),
        input_shape=(size, size, 3), weights=weights,
    )  # fmt: skip
    return [
        pooled_once(model, part, "given", 0, cache="memory")
        for part in (data.train, data.test)
    ]


def drawn(labels, share, seed):
    """Returns numbers of a share of the samples, class by class."""
    from sklearn.model_selection import StratifiedShuffleSplit

    split = StratifiedShuffleSplit(1, train_size=share, random_state=seed)
    return next(split.split(labels, labels))


def cell(train, test, seed, within_train):
    """Predicts from a quarter, and measures what was predicted."""
    x, y = train
    if within_train:
        all_of_them, others = drawn(y, 0.6, seed)
        test = x[others], y[others]
        x, y = x[all_of_them], y[all_of_them]
    seen, _ = drawn(y, 0.25, seed)
    started = time.perf_counter()
    curve = probe_learning_curve(x[seen], y[seen], seed=seed)
    seconds = time.perf_counter() - started
    low, high = curve.interval(len(y))
    probe = fit_linear_probe(
        "softmax", (x, y), None, int(y.max()) + 1,
        folds=folds_for(y, "softmax", seed, most=3),
    )  # fmt: skip
    named = (test[0] @ probe.kernel + probe.bias).argmax(axis=1)
    truth = float(np.mean(named != test[1]))
    return {
        "seen": len(seen),
        "all": len(y),
        "predicted": round(float(curve.predict(len(y))), 4),
        "low": round(low, 4),
        "high": round(high, 4),
        "measured": round(truth, 4),
        "tested on": len(test[1]),
        "inside": bool(low <= truth <= high),
        "power": round(curve.power, 2),
        "seconds": round(seconds, 2),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", nargs="+", metavar="NAME=FOLDER")
    parser.add_argument("--weights", required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--within-train", action="store_true")
    given = parser.parse_args()
    keras.utils.set_random_seed(0)
    cells = {}
    for each in given.data:
        name, _, folder = each.partition("=")
        name += "_within_train" if given.within_train else ""
        path = RESULTS / f"{name}.json"
        wanted = {str(seed) for seed in range(given.seeds)}
        if wanted - set(read(path)):
            parts = pooled(folder, given.size, given.weights)
            for seed in range(given.seeds):
                found = cell(*parts, seed, given.within_train)
                write(path, read(path) | {str(seed): found})
        cells |= {(name, seed): c for seed, c in read(path).items()}
    table(cells)


def table(cells):
    print("| data, draw | seen -> all | predicted error | measured | inside "
          "| half width |")  # fmt: skip
    print("| --- | --- | --- | --- | --- | --- |")
    halves = []
    for (name, seed), c in cells.items():
        halves.append((c["high"] - c["low"]) / 2)
        print(
            f"| {name}, {seed} | {c['seen']} -> {c['all']} "
            f"| {c['predicted']:.3f} ({c['low']:.3f} to {c['high']:.3f}) "
            f"| {c['measured']:.3f} | {'yes' if c['inside'] else 'no'} "
            f"| {halves[-1]:.3f} |"
        )
    inside = sum(c["inside"] for c in cells.values())
    off = np.mean([abs(c["predicted"] - c["measured"]) for c in cells.values()])
    print(
        f"\ninside: {inside} of {len(cells)}; mean half width "
        f"{np.mean(halves):.3f}; mean distance {off:.3f}"
    )


if __name__ == "__main__":
    main()
