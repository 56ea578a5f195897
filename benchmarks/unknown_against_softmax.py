"""A class left out of training: the unknown score against the softmax.

    python benchmarks/unknown_against_softmax.py flowers5=PHOTOS \
        trashnet6=PHOTOS ... --weights FILE.h5 [--size 128] [--per-class N]

On folders `PHOTOS/train|test/CLASS/*.jpg`: each class in turn is left out of
training. A head is solved on MobileNetV2's features (ImageNet weights, frozen)
of the other classes, of which every fifth training photo is held out for the
threshold of `UnknownDetector`. Of the test photos those of the class left out
are to be told from the others: AUROC of the unknown score and of one minus the
largest softmax output, and how many are called unknown at a false-alarm rate
of 5 % asked for. The number of neighbours was chosen on training photos. One
JSON file a set in `benchmarks/results/unknown/`. Prints a table.
"""

import argparse
from pathlib import Path

import numpy as np
from cells import read, write
from expected_accuracy_on_shifts import on_features, pooled
from keras.applications.mobilenet_v2 import preprocess_input
from sklearn.metrics import roc_auc_score

import keras_transfer as kt

RESULTS = Path(__file__).resolve().parent / "results" / "unknown"
HELD_OUT = 5


def features_of(folder, net, size, per_class):
    """Returns `(x, y)` of the training and of the test part, and the names."""
    data = kt.data.load(
        folder, image_size=size, validation_split=0, shots_per_class=per_class
    )
    parts = []
    for part in (data.train, data.test):
        batches = [part.read(rows) for rows in part.numbers_in_batches()]
        x = [
            net.predict(preprocess_input(x), batch_size=32, verbose=0)
            for x, *_ in batches
        ]
        parts.append(
            (np.concatenate(x), np.concatenate([y for _, y in batches]))
        )
    return *parts, data.class_names


def cell(train, test, left_out):
    """Leaves a class out, and looks for it among the test samples."""
    x, y = train
    stay = y != left_out
    x, y = x[stay], np.unique(y[stay], return_inverse=True)[1]
    held_out = np.random.default_rng(0).permutation(len(y)) % HELD_OUT == 0
    model = on_features(x[~held_out], y[~held_out])
    detector = kt.UnknownDetector.fit(
        model, x[~held_out], validation=x[held_out], verbose=0
    )
    is_new = test[1] == left_out
    scores = detector.score(test[0])
    sure = model.predict(test[0], verbose=0).max(axis=1)
    called = scores > detector.threshold
    return {
        "unknown score": float(roc_auc_score(is_new, scores)),
        "softmax": float(roc_auc_score(is_new, -sure)),
        "found": float(called[is_new].mean()),
        "false alarms": float(called[~is_new].mean()),
    }


def run_missing(name, folder, net, size, per_class):
    path = RESULTS / f"{name}.json"
    train, test, names = features_of(folder, net, size, per_class)
    cells = read(path)
    for label, left_out in enumerate(names):
        if left_out not in cells:
            cells[left_out] = cell(train, test, label)
            write(path, cells)


def row(name):
    cells = list(read(RESULTS / f"{name}.json").values())
    ours, softmax, found, alarms = (
        np.array([each[key] for each in cells])
        for key in ("unknown score", "softmax", "found", "false alarms")
    )
    return [
        name,
        str(len(cells)),
        f"{ours.mean():.3f} ({ours.min():.3f})",
        f"{softmax.mean():.3f} ({softmax.min():.3f})",
        f"{(ours > softmax).sum()} of {len(cells)}",
        f"{found.mean():.0%}",
        f"{alarms.mean():.1%}",
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sets", nargs="+", help="NAME=FOLDER")
    parser.add_argument("--weights", default="imagenet")
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--per-class", type=int, default=None)
    given = parser.parse_args()
    net = pooled(given.weights, given.size)
    names = []
    for each in given.sets:
        name, folder = each.split("=", 1)
        names.append(name)
        run_missing(name, folder, net, given.size, given.per_class)
    print(
        "| set | classes left out in turn | unknown score, AUROC (lowest) "
        "| softmax | better in | called unknown | false alarms |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name in names:
        print(f"| {' | '.join(row(name))} |")


if __name__ == "__main__":
    main()
