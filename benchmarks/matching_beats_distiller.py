"""A matching step is faster than `keras.distillation.Distiller`'s.

    KERAS_BACKEND=tensorflow python benchmarks/matching_beats_distiller.py

The only kind of pair that the `Distiller` supports: features of one shape in
two flat models. Teacher MobileNetV2, student MobileNetV2 of width 0.35, whose
last features are both `(3, 3, 1280)` at 96 px; batch 32, Adam, mean squared
difference of these features and the loss of the labels, random weights (they
do not change the time). Steps are timed in turn, with the source's features
computed in each step, and with features that were kept. The goals are 1.3 and
2 times faster. Last the student alone, without matching: no matching can be
faster than that.
"""

import argparse
import json

import keras
import numpy as np
from paired import line, machine, paired

import keras_transfer as kt
from keras_transfer.models.matching.cached_fit import SOURCE_FEATURES

SHAPE = (96, 96, 3)
LAYER = "out_relu"
LOSS = "sparse_categorical_crossentropy"


def network(width):
    """A flat model: the `Distiller` does not look into nested ones."""
    inputs = keras.Input(SHAPE)
    scaled = keras.layers.Rescaling(1 / 127.5, offset=-1.0)(inputs)
    backbone = keras.applications.MobileNetV2(
        input_tensor=scaled, alpha=width, include_top=False, weights=None
    )
    x = keras.layers.GlobalAveragePooling2D()(backbone.output)
    outputs = keras.layers.Dense(5, activation="softmax")(x)
    return keras.Model(inputs, outputs)


def ours():
    matcher = kt.FeatureMatcher(
        source=network(1.0),
        target=network(0.35),
        pairs=[(LAYER, LAYER)],
        loss=kt.FeatureMatchingLoss("mse", normalize=False),
    )
    matcher.compile(keras.optimizers.Adam(1e-3), LOSS)
    return matcher


def alone():
    model = network(0.35)
    model.compile(keras.optimizers.Adam(1e-3), LOSS)
    return model


def theirs():
    distiller = keras.distillation.Distiller(
        network(1.0),
        network(0.35),
        keras.distillation.FeatureDistillation("mse", LAYER, LAYER),
    )
    distiller.compile(keras.optimizers.Adam(1e-3), LOSS)
    return distiller


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=30)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 255, (32, *SHAPE)).astype("float32")
    y = rng.integers(0, 5, 32)
    print(f"{keras.backend.backend()}, Keras {keras.__version__}, {machine()}")
    distiller, matcher, kept, student = theirs(), ours(), ours(), alone()
    # What a cache holds is an array.
    _, features, _ = kept.parts.run(x, None, training=False)
    known = {
        "inputs": x,
        SOURCE_FEATURES: tuple(map(keras.ops.convert_to_numpy, features)),
    }
    steps = {
        "source in each step": lambda: matcher.train_on_batch(x, y),
        "features kept": lambda: kept.train_on_batch(known, y),
        "student alone": lambda: student.train_on_batch(x, y),
    }
    results = {}
    for name, step in steps.items():
        results[name] = paired(
            step,
            lambda: distiller.train_on_batch(x, y),
            pairs=arguments.pairs,
        )
        print(line(name, results[name]), flush=True)
        print(f"{'':<28} {1 / results[name]['ratio']:.2f} times faster")
    if arguments.json:
        print(json.dumps(results))


if __name__ == "__main__":
    main()
