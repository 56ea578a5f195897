"""Probes of the private names of saving."""

import keras
import numpy as np
import pytest

from keras_transfer import _private

layers = keras.layers


def with_statistics(seed):
    keras.utils.set_random_seed(seed)
    scaling = layers.Normalization()
    scaling.adapt(np.random.default_rng(seed).normal(5, 2, (50, 3)))
    return keras.Sequential([keras.Input((3,)), scaling, layers.Dense(2)])


def test_copy_state():
    source, target = with_statistics(0), with_statistics(1)
    _private.copy_state(source, target)
    x = np.ones((2, 3), "float32")
    np.testing.assert_array_equal(
        target.predict(x, verbose=0), source.predict(x, verbose=0)
    )


def test_copy_state_to_other_layers():
    other = keras.Sequential([keras.Input((3,)), layers.Dense(2)])
    with pytest.raises(ValueError, match="layers"):
        _private.copy_state(with_statistics(0), other)


def test_layer_classes():
    found = _private.layer_classes(with_statistics(0))
    assert {layers.Normalization, layers.Dense, keras.Sequential} <= found
