"""What `adapt` brings on images of another style, without their labels.

    python benchmarks/adapt_to_style.py --weights FILE.h5 PACS \
        [--shots 20 0] [--seeds 5] [--size 128]

A folder `PACS/photo|art_painting|sketch/train|test/CLASS/*`. A head on five
levels of MobileNetV2 is solved on `shots` photos a class (all: 0), adapted to
the training images of each style without their labels, and tested on the
style's test images, before and after. One JSON file a style in
`benchmarks/results/adapt/`; what is there is not run again.
"""

import argparse
from pathlib import Path

import keras
import numpy as np
from cells import difference, read, write

import keras_transfer as kt

RESULTS = Path(__file__).resolve().parent / "results" / "adapt"
STYLES = ("photo", "art_painting", "sketch")


def trained(folder, shots, seed, given):
    data = kt.data.load(
        folder / "photo", image_size=given.size, shots_per_class=shots or None,
        validation_split=0.0, seed=seed,
    )  # fmt: skip
    keras.utils.set_random_seed(seed)
    model = kt.TransferModel(
        "MobileNetV2", len(data.class_names), weights=given.weights,
        input_shape=(given.size, given.size, 3), levels=5,
    )  # fmt: skip
    kt.fine_tune(model, data.train, epochs=0, seed=seed, verbose=0)
    return model


def accuracy(model, data):
    model.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    logs = model.evaluate(data, verbose=0, return_dict=True)
    return round(logs["accuracy"], 4)


def cell(model, style, given):
    data = kt.data.load(style, image_size=given.size, validation_split=0.0)
    images = kt.data.without_labels(data.train)
    found = kt.adapt(model, images, verbose=0)
    return {
        "before": accuracy(model, data.test),
        "test": accuracy(found.model, data.test),
        "warned": len(found.warnings),
    }


def run_missing(folder, shots, given):
    for seed in range(given.seeds):
        model = None
        for style in STYLES:
            path = file_of(style, shots)
            if str(seed) not in read(path):
                model = model or trained(folder, shots, seed, given)
                found = cell(model, folder / style, given)
                write(path, read(path) | {str(seed): found})
                print(style, shots, seed, found, flush=True)


def file_of(style, shots):
    return RESULTS / f"{style}_{shots or 'all'}.json"


def row(style, shots):
    cells = list(read(file_of(style, shots)).values())
    before, after = (
        np.array([c[name] for c in cells]) for name in ("before", "test")
    )
    warned = sum(c["warned"] for c in cells)
    return (
        f"| {style} | {shots or 'all'} | {before.mean():.3f} | "
        f"{after.mean():.3f} ({len(cells)}) | {difference(after, before)} | "
        f"{warned} |"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--weights", default="imagenet")
    parser.add_argument("--shots", type=int, nargs="+", default=[20, 0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--size", type=int, default=128)
    given = parser.parse_args()
    for shots in given.shots:
        run_missing(given.folder, shots, given)
    print("| style | shots | before | adapted (seeds) | gain | warned |")
    print("| --- | --- | --- | --- | --- | --- |")
    for style in STYLES:
        for shots in given.shots:
            print(row(style, shots))


if __name__ == "__main__":
    main()
