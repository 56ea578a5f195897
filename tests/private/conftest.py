"""A model for the probes of private names."""

import keras
import pytest


@pytest.fixture
def small_functional():
    """A factory of functional models of a dense layer and a dropout."""

    def make():
        x = keras.Input((4,))
        hidden = keras.layers.Dense(3, name="hidden")(x)
        output = keras.layers.Dropout(0.5, name="drop")(hidden, training=False)
        return keras.Model(x, output)

    return make


@pytest.fixture
def factors():
    """A factory of models `y = b (a x)`, with `a = b = 1` at first.

    Where `x = 1` and the target is 0, the squared error is `(a b) ** 2`: its
    slope is `2 a b * b` along `a` and `2 a b * a` along `b`.
    """

    def make():
        return keras.Sequential(
            [keras.Input((1,))]
            + [
                keras.layers.Dense(
                    1, use_bias=False, kernel_initializer="ones", name=name
                )
                for name in "ab"
            ]
        )

    return make
