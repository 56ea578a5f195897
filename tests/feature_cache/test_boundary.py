"""Prefix and suffix together are the model, at every depth."""

import keras
import numpy as np
import pytest

import keras_transfer as kt
from keras_transfer.feature_cache import (
    between,
    boundary_at,
    reasons_not_to_cache,
)

layers = keras.layers


def values(tensor):
    return keras.ops.convert_to_numpy(tensor)


def conv(tiny_cnn, **kwargs):
    model = kt.TransferModel(
        tiny_cnn(), head=3, preprocessing="tf", output_layer="add3", **kwargs
    )
    for number, weight in enumerate(model.backbone.weights):
        weight.assign(weight + 0.05 * (number % 3))
    return model


def tokens():
    """A recurrent classifier of words: padding is masked all the way."""
    inputs = keras.Input((6,), dtype="int32")
    x = layers.Embedding(20, 8, mask_zero=True)(inputs)
    for _ in range(3):
        x = layers.LSTM(8, return_sequences=True)(x)
    model = kt.TransferModel(keras.Model(inputs, x), head=2, preprocessing=None)
    for weight in model.weights:
        weight.assign(weight * 3.0)
    return model


def together(boundary, x):
    return values(boundary.suffix(boundary.prefix(x)))


def test_at_every_depth(tiny_cnn, pictures):
    model = conv(tiny_cnn)
    x = pictures[0]
    expected = values(model(x))
    for depth in range(len(model.blocks)):
        boundary = boundary_at(model, depth)
        assert boundary.depth == depth
        np.testing.assert_allclose(together(boundary, x), expected, atol=1e-6)
    assert np.ptp(expected) > 0.01


def test_at_depth_0_the_features_are_pooled(tiny_cnn, pictures):
    boundary = boundary_at(conv(tiny_cnn), 0)
    assert boundary.prefix(pictures[0]).shape == (24, 4)
    assert boundary.suffix.count_params() == 4 * 3 + 3


@pytest.mark.parametrize("pooling", ["avg", "max"])
def test_the_pooling_is_that_of_the_head(pooling, tiny_cnn, pictures):
    keras.utils.set_random_seed(3)
    model = kt.TransferModel(
        tiny_cnn(),
        head=kt.ClassificationHead(3, pooling=pooling, hidden_units=(4,)),
        preprocessing="tf",
    )
    expected = values(model(pictures[0]))
    boundary = boundary_at(model, 0)
    np.testing.assert_allclose(
        together(boundary, pictures[0]), expected, atol=1e-6
    )


def test_the_parts_share_the_weights(tiny_cnn):
    model = conv(tiny_cnn)
    known = {id(weight) for weight in model.weights}
    for depth in range(len(model.blocks)):
        boundary = boundary_at(model, depth)
        parts = boundary.prefix.weights + boundary.suffix.weights
        assert {id(weight) for weight in parts} == known
        assert len(parts) == len(known)


def test_between(tiny_cnn, pictures):
    model = conv(tiny_cnn)
    x = pictures[0]
    for deep in range(1, len(model.blocks)):
        deeper = boundary_at(model, deep)
        below = deeper.prefix(x)
        for depth in range(deep):
            boundary = boundary_at(model, depth)
            np.testing.assert_allclose(
                values(between(deeper, boundary)(below)),
                values(boundary.prefix(x)),
                atol=1e-6,
            )


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_a_mask_goes_along(depth, rng):
    model = tokens()
    x = rng.integers(1, 20, (5, 6))
    x[:, 4:] = 0
    x[1, 1:] = 0
    expected = values(model(x))
    boundary = boundary_at(model, depth)
    np.testing.assert_allclose(together(boundary, x), expected, atol=1e-6)
    # Otherwise the padding would not have been told from words.
    other = x.copy()
    other[:, 4:] = 7
    assert np.abs(values(model(other)) - expected).max() > 1e-4
    if depth:
        assert isinstance(boundary.prefix(x), list)
        deeper = boundary_at(model, 2)
        if depth < 2:
            for a, b in zip(
                between(deeper, boundary)(deeper.prefix(x)),
                boundary.prefix(x),
                strict=True,
            ):
                np.testing.assert_allclose(values(a), values(b), atol=1e-6)


def test_reasons_not_to_cache(tiny_cnn):
    model = conv(tiny_cnn, augmentation=layers.RandomFlip(name="flip"))
    boundary = boundary_at(model, 1)
    (found,) = reasons_not_to_cache(boundary)
    assert "'flip'" in found and "views=K" in found
    assert reasons_not_to_cache(boundary, views=2) == []
    kt.set_trainable_depth(model, 1)
    assert reasons_not_to_cache(boundary, views=2) == []
    kt.set_trainable_depth(model, 2)
    assert (
        "below the boundary trains"
        in reasons_not_to_cache(boundary, views=2)[0]
    )


def test_the_parts_run_as_the_model_does(tiny_cnn):
    model = conv(tiny_cnn)
    for eager in (True, False):
        model.compile("sgd", "mse", run_eagerly=eager)
        deeper, boundary = boundary_at(model, 2), boundary_at(model, 1)
        assert deeper.prefix.run_eagerly == eager
        assert between(deeper, boundary).run_eagerly == eager
