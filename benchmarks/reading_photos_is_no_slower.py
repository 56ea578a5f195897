"""Reading a folder of photos takes no longer than Keras' own loader takes.

    python benchmarks/reading_photos_is_no_slower.py FOLDER

FOLDER holds CLASS/photo.jpg, for instance the train part of a data set. Both
sides give every photo once an epoch, shuffled, resized to 224 px, in batches
of 32: `data.load(FOLDER).train` (uint8) against
`keras.utils.image_dataset_from_directory(FOLDER)` (float32). Two lines:

- as it is by default, where photos that fit are kept decoded in memory, so
  that an epoch after the first reads no file. The goal is an upper end of the
  95 % interval of at most 1.0;
- with `cache=False`, where both sides decode and resize every photo again.
"""

import argparse
import json

import keras
from paired import line, machine, paired

from keras_transfer import data


def ours(folder, size, cache):
    batches = data.load(
        folder,
        image_size=size,
        validation_split=0,
        test_split=0,
        cache=cache,
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
    keras_side = theirs(arguments.folder, arguments.image_size)
    results = {}
    for name, cache in {"default": "auto", "cache=False": False}.items():
        our_side = ours(arguments.folder, arguments.image_size, cache)
        assert_same_photos(our_side, keras_side)
        results[name] = paired(
            our_side, keras_side, pairs=arguments.pairs, warm_up=1
        )
        print(line(name, results[name]), flush=True)
    if arguments.json:
        print(json.dumps(results))


def assert_same_photos(*sides):
    counts = [side() for side in sides]
    if counts[0] != counts[1]:
        raise RuntimeError(f"the two sides read different photos: {counts}")


if __name__ == "__main__":
    main()
