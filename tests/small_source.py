"""A source model of three convolutions, for tests of searches."""

import keras


def network():
    """Returns a functional model on images of 8 x 8, the same each time."""
    layers = keras.layers
    keras.utils.set_random_seed(0)
    inputs = x = keras.Input((8, 8, 3))
    for index, width in enumerate((4, 6, 8)):
        x = layers.Conv2D(
            width, 3, padding="same", activation="relu", name=f"conv{index}",
            bias_initializer="ones",
        )(x)  # fmt: skip
    return keras.Model(inputs, x, name="source")
