"""Matching without labels makes features more alike, on held-out photos too.

    python benchmarks/matching_raises_similarity.py --weights FILE.h5 PHOTOS ...

Folders `PHOTOS/train|test/CLASS/*.jpg` at 96 px. MobileNetV2 with ImageNet
weights (the file for 224 px, without top) is matched to a CNN of four layers
and to MobileNet of width 0.25, both from random weights: features alone, up to
2,000 training photos, no labels, 5 epochs, Adam at 1e-3, one seed. Prints for
each pair of layers the debiased CKA on 256 test photos before and after.
"""

import argparse
from pathlib import Path

import keras
from matching_with_few_labels import (
    EPOCHS,
    TARGETS,
    mobilenet_v2,
    some_photos,
)

import keras_transfer as kt
from keras_transfer.recipes.compiling import rising_and_falling

MEASURED = 256


def matched(make, data, test, classes, weights):
    """The pairs of a matcher, with CKA on test photos before and after."""
    keras.utils.set_random_seed(0)
    source = mobilenet_v2(classes, weights)
    matcher = kt.FeatureMatcher(
        source=source, target=make(classes), task_weight=0
    )
    steps = EPOCHS * -(-len(data) // 32)
    matcher.compile(keras.optimizers.Adam(rising_and_falling(1e-3, steps)))
    before = matcher.measure(test)
    matcher.fit(data, epochs=EPOCHS, feature_cache="memory", verbose=0)
    return zip(matcher.pairs, before, matcher.measure(test), strict=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--weights", default="imagenet")
    given = parser.parse_args()
    print("| data | source | target | CKA before | after |")
    print("| --- | --- | --- | --- | --- |")
    for folder in given.folders:
        (x, y), (test, _) = some_photos(folder)
        classes = int(y.max()) + 1
        for name, make in TARGETS.items():
            for pair, before, after in matched(
                make, x, test[:MEASURED], classes, given.weights
            ):
                print(
                    f"| {folder.name} | {pair.source.name} | {name}: "
                    f"{pair.target.name} | {before:.3f} | {after:.3f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
