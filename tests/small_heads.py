"""Heads of one's own, as people write them."""

import keras

layers = keras.layers


def own_head(*ends):
    """Returns pooling and what follows, as a `Sequential`."""
    return keras.Sequential([layers.GlobalAveragePooling2D(), *ends])


def two_outputs(as_dict, shape=(8, 8, 4)):
    """Returns a head with a softmax `kind` and a number `age`."""
    inputs = keras.Input(shape)
    pooled = layers.GlobalAveragePooling2D()(inputs)
    kind = layers.Dense(3, activation="softmax", name="kind")(pooled)
    age = layers.Dense(1, name="age")(pooled)
    found = {"kind": kind, "age": age} if as_dict else [kind, age]
    return keras.Model(inputs, found)
