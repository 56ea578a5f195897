"""A `TransferModel` inside of another model, whose depth is set."""

import warnings

import keras
import numpy as np
import pytest
from small_nets import LOSS, dense_net

import keras_transfer as kt

X = np.random.default_rng(0).normal(size=(24, 6)).astype("float32")
Y = np.arange(24) % 3


def nested():
    """A compiled model, and the `TransferModel` in it."""
    inner = kt.TransferModel(dense_net(2), head=3, output_layer="dense1")
    inputs = keras.Input((6,))
    outer = keras.Model(inputs, inner(inputs))
    outer.compile("sgd", LOSS)
    return outer, inner


def moved(outer, inner):
    """Whether the last block moves in a `fit` of the outer model."""
    kernel = inner.backbone.get_layer("dense1").kernel
    before = np.array(keras.ops.convert_to_numpy(kernel))
    outer.fit(X, Y, verbose=0)
    return not np.array_equal(before, keras.ops.convert_to_numpy(kernel))


def test_depth_after_a_fit_of_the_outer_model_needs_a_compile():
    outer, inner = nested()
    assert not moved(outer, inner)
    with pytest.warns(UserWarning, match=r"Compile that model again"):
        kt.set_trainable_depth(inner, 1)
    outer.compile("sgd", LOSS)
    assert moved(outer, inner)


@pytest.fixture
def no_warnings():
    with warnings.catch_warnings():
        warnings.filterwarnings("error", ".*outer.compile")
        yield


@pytest.mark.usefixtures("no_warnings")
def test_depth_before_the_first_fit_needs_none():
    outer, inner = nested()
    kt.set_trainable_depth(inner, 1)
    assert moved(outer, inner)


@pytest.mark.usefixtures("no_warnings")
def test_prediction_and_the_same_depth_need_none():
    outer, inner = nested()
    outer.predict(X, verbose=0)
    kt.set_trainable_depth(inner, 1)
    outer.fit(X, Y, verbose=0)
    kt.set_trainable_depth(inner, 1)


@pytest.mark.usefixtures("no_warnings")
def test_a_model_that_trains_by_itself_needs_none():
    _, inner = nested()
    inner.compile("auto")
    inner.fit(X, Y, verbose=0)
    kt.set_trainable_depth(inner, 1)
    callback = kt.FreezingScheduler(kt.GradualUnfreezing(1, 1))
    inner.fit(X, Y, epochs=3, callbacks=[callback], verbose=0)
    inner.fit(X, Y, feature_cache="memory", verbose=0)
    kt.freeze(inner)


@pytest.mark.usefixtures("no_warnings")
def test_a_pass_for_batch_norm_statistics_needs_none():
    net = dense_net(2, batch_norm=True)
    model = kt.TransferModel(net, head=3, weights=None, output_layer="tanh1")
    model.compile("auto")
    model.fit(X, Y, callbacks=[kt.PreciseBatchNorm(X)], verbose=0)
    kt.freeze(model)
