"""Reading a folder of photos takes no longer than Keras' own loader takes.

    python benchmarks/reading_photos_is_no_slower.py FOLDER

FOLDER holds CLASS/photo.jpg, for instance the train part of a data set. Both
sides read every photo once, shuffled, decoded and resized to 224 px, batches
of 32, nothing cached: `data.load(FOLDER).train` against
`keras.utils.image_dataset_from_directory(FOLDER)`. Ours gives uint8, Keras
float32. The goal is an upper end of the 95 % interval of at most 1.0.
"""

import argparse
import json

import keras
from paired import line, machine, paired

from keras_transfer import data


def ours(folder, size):
    batches = data.load(
        folder, image_size=size, validation_split=0, test_split=0
    ).train

    def epoch():
        seen = sum(len(images) for images, _ in batches)
        batches.epoch += 1
        return seen

    return epoch


def theirs(folder, size):
    dataset = keras.utils.image_dataset_from_directory(
        folder, image_size=(size, size), batch_size=32, verbose=False
    )
    return lambda: sum(int(images.shape[0]) for images, _ in dataset)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    print(f"Keras {keras.__version__}, {machine()}")
    sides = [
        side(arguments.folder, arguments.image_size) for side in (ours, theirs)
    ]
    counts = [side() for side in sides]
    if counts[0] != counts[1]:
        raise RuntimeError(f"the two sides read different photos: {counts}")
    result = paired(*sides, pairs=arguments.pairs, warm_up=1)
    print(line(f"{counts[0]} photos", result))
    if arguments.json:
        print(json.dumps(result))


if __name__ == "__main__":
    main()
