"""The data check finds planted faults: precision and recall.

    python benchmarks/data_check_finds.py --weights FILE.h5 \
        flowers5=PHOTOS trashnet6=PHOTOS [--seeds 3] [--size 128] \
        [--within-train]

On folders `PHOTOS/train|test/CLASS/*.jpg`, MobileNetV2 with ImageNet weights:
2 % of the training labels become another class at random, and 30 training
photos go into the test part a second time: a third encoded again as JPEG of
quality 60, a third cropped to 90 % of each side, a third 20 % brighter. The
check (`assess_transfer`'s, on features computed once) lists labels and pairs.
Recall is the share of the planted ones that are listed, precision that of the
listed ones that were planted: faults that were in the data before count as
false, so it is a lower bound. With `--within-train` half of the training
photos play the test part: on these the thresholds were chosen. One JSON file a
set in `benchmarks/results/data_check/`. Prints a table.
"""

import argparse
import io
from pathlib import Path

import keras
import numpy as np
from cells import read, write
from PIL import Image

import keras_transfer as kt
from keras_transfer.data.batches import ArrayBatches
from keras_transfer.recipes.assessment.collected import collect
from keras_transfer.recipes.assessment.from_features import (
    Effort,
    assess_features,
)

RESULTS = Path(__file__).resolve().parent / "results" / "data_check"
FLIPPED, COPIES = 0.02, 30


def encoded_again(image):
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=60)
    return np.asarray(Image.open(buffer))


def cropped(image):
    height, width = image.shape[:2]
    top, left = round(0.05 * height), round(0.05 * width)
    part = Image.fromarray(image[top : height - top, left : width - left])
    return np.asarray(part.resize((width, height), Image.BILINEAR))


def brighter(image):
    return np.clip(image * 1.2, 0, 255).astype("uint8")


CHANGES = {"encoded again": encoded_again, "cropped": cropped,
           "brighter": brighter}  # fmt: skip


def photos(folder, size, within_train):
    """Returns `(x, y)` of both parts, and the names of the classes."""
    data = kt.data.load(folder, image_size=size, validation_split=0)
    parts = []
    for part in (data.train, data.test):
        batches = [part.read(ids) for ids in part.numbers_in_batches()]
        parts.append(
            [np.concatenate(each) for each in zip(*batches, strict=True)]
        )
    if within_train:
        x, y = parts[0]
        order = np.random.default_rng(0).permutation(len(x))
        half = len(x) // 2
        parts = [(x[rows], y[rows]) for rows in (order[:half], order[half:])]
    return *parts, data.class_names


def planted(train, test, num_classes, seed):
    """Returns both parts with faults, the flipped rows, and the copies."""
    random = np.random.default_rng(seed)
    x, y = train
    flipped = random.choice(len(y), round(FLIPPED * len(y)), replace=False)
    given = y.copy()
    given[flipped] = (
        y[flipped] + random.integers(1, num_classes, len(flipped))
    ) % num_classes
    chosen = random.choice(len(x), COPIES, replace=False)
    names = list(CHANGES)
    kinds = [names[i % 3] for i in range(COPIES)]
    copies = [CHANGES[k](x[i]) for k, i in zip(kinds, chosen, strict=True)]
    test_x = np.concatenate([test[0], np.stack(copies)])
    test_y = np.concatenate([test[1], y[chosen]])
    pairs = {
        (int(row), len(test[0]) + i): kind
        for i, (row, kind) in enumerate(zip(chosen, kinds, strict=True))
    }
    return (x, given), (test_x, test_y), set(flipped.tolist()), pairs


def cell(model, folder, size, seed, within_train):
    """Plants faults, looks for them, and counts."""
    train, test, names = photos(folder, size, within_train)
    train, test, flipped, pairs = planted(train, test, len(names), seed)
    parts = [
        collect(model, ArrayBatches(*part, shuffle=False), name,
                cache="memory", verbose=0)
        for name, part in (("train", train), ("test", test))
    ]  # fmt: skip
    found = assess_features(
        "MobileNetV2", parts, names, effort=Effort(curve=200), seed=seed
    )
    labels = [each.places[0][1] for each in found.found("label")]
    across = [
        (each.places[0][1], each.places[1][1])
        for each in found.findings
        if "duplicate" in each.kind and each.across
    ]
    first = labels[: len(flipped)]
    return {
        "flipped": len(flipped),
        "labels listed": len(labels),
        "labels found": len(flipped & set(labels)),
        "among as many first": len(flipped & set(first)),
        "pairs listed": len(across),
        "pairs found": len(set(pairs) & set(across)),
        "by change": {
            kind: sum(pairs[p] == kind for p in set(pairs) & set(across))
            for kind in CHANGES
        },
        "other pairs": sorted(map(list, set(across) - set(pairs)))[:20],
    }


def row(name, cells):
    """One line of the table: sums over the seeds."""
    total = {
        key: sum(each[key] for each in cells.values())
        for key in next(iter(cells.values()))
        if key not in ("by change", "other pairs")
    }
    copies = COPIES * len(cells)
    changes = ", ".join(
        f"{kind} {sum(c['by change'][kind] for c in cells.values())}"
        for kind in CHANGES
    )
    return (
        f"| {name} ({len(cells)}) "
        f"| {total['labels found'] / total['flipped']:.2f} "
        f"| {total['labels found'] / total['labels listed']:.2f} "
        f"| {total['among as many first'] / total['flipped']:.2f} "
        f"| {total['pairs found'] / copies:.2f} "
        f"| {total['pairs found'] / max(1, total['pairs listed']):.2f} "
        f"| {changes} |"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", nargs="+", metavar="NAME=FOLDER")
    parser.add_argument("--weights", required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--within-train", action="store_true")
    given = parser.parse_args()
    shape = (given.size, given.size, 3)
    keras.utils.set_random_seed(0)
    model = kt.TransferModel(
        "MobileNetV2", head=2, input_shape=shape, weights=given.weights
    )
    print("| data (seeds) | labels: recall | precision | first as many | "
          "pairs: recall | precision | found of each change |")  # fmt: skip
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for each in given.data:
        name, _, folder = each.partition("=")
        if given.within_train:
            name += "_within_train"
        path = RESULTS / f"{name}.json"
        for seed in range(given.seeds):
            if str(seed) not in read(path):
                found = cell(
                    model, folder, given.size, seed, given.within_train
                )
                write(path, read(path) | {str(seed): found})
        print(row(name, read(path)))


if __name__ == "__main__":
    main()
