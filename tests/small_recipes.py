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


def coloured(rng, number):
    """Returns 8 x 8 pictures in three classes, each in a colour of its own."""
    x, y = pictures(rng, number, step=0.0)
    x[np.arange(number), :, :, y] += 110.0
    return x, y


def colour_net(**arguments):
    """Returns a model that sees colours, with one block: x and -x above 0."""
    inputs = Input((8, 8, 3))
    layer = layers.Conv2D(6, 1, activation="relu", name="colours")
    backbone = Model(inputs, layer(inputs))
    layer.kernel.assign(np.concatenate([np.eye(3), -np.eye(3)], 1)[None, None])
    return kt.TransferModel(backbone, head=3, preprocessing="tf", **arguments)
