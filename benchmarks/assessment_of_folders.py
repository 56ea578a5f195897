"""What `assess_transfer` says of a source without its samples, and its time.

    python benchmarks/assessment_of_folders.py --weights FILE.h5 \
        flowers5=PHOTOS 'art=PAINTINGS>PHOTOS' ...

MobileNetV2 with ImageNet weights (the file for 224 px, without top) at 128 px.
Of every folder `PHOTOS/train/CLASS/*.jpg` it prints the distance of 256
training photos from the batch-norm statistics of the source. `A>B` assesses
`A` with `B/train` as samples of the source too, and prints the seconds.
"""

import argparse
import time

import keras
from paired import machine

import keras_transfer as kt
from keras_transfer.recipes.assessment.stored_statistics import (
    distance_to_stored,
)


def loaded(folder):
    return kt.data.load(folder, image_size=128, validation_split=0.0)


def seconds_of(model, data, other):
    """Seconds of `assess_transfer` with samples of the source."""
    started = time.perf_counter()
    kt.assess_transfer(model, data, source=other.train, verbose=0)
    return f"{time.perf_counter() - started:.0f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", nargs="+", metavar="NAME=FOLDER")
    parser.add_argument("--weights", required=True)
    given = parser.parse_args()
    base = keras.applications.MobileNetV2(
        input_shape=(128, 128, 3), include_top=False, weights=given.weights
    )
    lines = []
    for name, place in (each.split("=", 1) for each in given.data):
        folder, _, other = place.partition(">")
        data = loaded(folder)
        head = len(data.class_names)
        model = kt.TransferModel(base, head=head, preprocessing="tf")
        model.compile("auto")
        found = distance_to_stored(model, data.train)
        seconds = seconds_of(model, data, loaded(other)) if other else ""
        lines.append(
            f"| {name} | {found.distance:.3f} | {found.reading} | {seconds} |"
        )
    print("| data | distance | reading | seconds of assess_transfer |")
    print("| --- | --- | --- | --- |")
    print("\n".join(lines))
    print(machine())


if __name__ == "__main__":
    main()
