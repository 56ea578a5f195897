"""A small model, pictures for it, and what a recipe has chosen."""

import numpy as np
from keras import Input, Model, layers

import keras_transfer as kt


def pictures(rng, number, num_classes=3, *, step=20.0):
    """Returns 8 x 8 pictures in classes that brightness tells apart in part."""
    y = np.arange(number) % num_classes
    x = rng.uniform(0, 120, (number, 8, 8, 3)) + step * y[:, None, None, None]
    return x.astype("float32"), y


def make(head=3, **arguments):
    """Returns a model of three blocks, one of them with batch norm."""
    inputs = Input((8, 8, 3))
    x = layers.Conv2D(4, 3, activation="relu", name="first")(inputs)
    x = layers.Conv2D(4, 3, name="second")(x)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.Conv2D(4, 3, activation="relu", name="third")(x)
    return kt.TransferModel(
        Model(inputs, x), head=head, preprocessing="tf", **arguments
    )


def chosen(result):
    return {row["choice"]: row["value"] for row in result.choices}
