"""A small classifier, pixels to show it, and where Keras keeps a net."""

import sys

import keras
from keras import layers, ops


def outputs(model, images):
    return ops.convert_to_numpy(model(images))


def module_of(name):
    return sys.modules[getattr(keras.applications, name).__module__]


def classifier(name="own"):
    return keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            layers.Conv2D(4, 3, name="conv"),
            layers.MaxPooling2D(name="pool"),
            layers.Flatten(name="flat"),
            layers.Dense(5, name="scores"),
        ],
        name=name,
    )


def pixels(rng, size=16, channels=3):
    return rng.uniform(0, 255, (2, size, size, channels)).astype("float32")
