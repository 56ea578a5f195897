"""Probes of the private names of optimizers."""

import keras
import numpy as np
import pytest

from keras_transfer import _private


def test_wrapped_optimizers():
    inner = keras.optimizers.SGD()
    outer = keras.optimizers.LossScaleOptimizer(inner)
    assert _private.wrapped_optimizers(outer) == [outer, inner]
    assert _private.wrapped_optimizers(inner) == [inner]


def test_made_again_and_was_made_in():
    optimizer = keras.optimizers.AdamW(0.1, weight_decay=0.2)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    fresh = _private.made_again(optimizer)
    assert fresh is not optimizer
    assert fresh.get_config() == optimizer.get_config()
    bias = keras.Variable(np.zeros(2), name="bias")
    assert not fresh._use_weight_decay(bias)
    outer = keras.optimizers.LossScaleOptimizer(optimizer)
    inner = _private.made_again(outer).inner_optimizer
    assert inner is not optimizer and not inner._use_weight_decay(bias)
    assert not _private.was_made_in("a strategy", optimizer)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        strategy = tf.distribute.get_strategy()
        assert _private.was_made_in(strategy, optimizer)


def variables(count, shape=(1,)):
    """Returns variables that hold ones."""
    return [
        keras.Variable(np.ones(shape), dtype="float32", name=f"v{index}")
        for index in range(count)
    ]


def values(found):
    return [float(keras.ops.convert_to_numpy(v)[0]) for v in found]


def tensors(*numbers):
    return [keras.ops.convert_to_tensor([float(n)]) for n in numbers]


def test_built_on_and_knows_variables_and_variable_index():
    a, b, c = variables(3)
    optimizer = keras.optimizers.SGD()
    assert list(_private.built_on(optimizer)) == []
    optimizer.build([b, a])
    first, second = _private.built_on(optimizer)
    assert first is b and second is a
    assert _private.knows_variables(optimizer, [a])
    assert not _private.knows_variables(optimizer, [a, c])
    assert [_private.variable_index(optimizer, v) for v in (a, b)] == [1, 0]
    with pytest.raises(KeyError):
        _private.variable_index(optimizer, c)


def test_optimizer_over():
    a, b = variables(2)
    old = keras.optimizers.SGD(1.0, momentum=0.5)
    old.build([a])
    old.apply(tensors(2), [a])
    prepared = []
    fresh = _private.optimizer_over(old, [b, a], prepared.append)
    assert prepared == [fresh] and fresh is not old
    assert int(fresh.iterations) == 1
    fresh.apply(tensors(0, 0), [b, a])
    # a: velocity -2, so 1 - 2, then half of it. b has not moved before.
    assert values([a, b]) == [-2.0, 1.0]


def test_optimizer_over_keeps_what_does_not_decay():
    (bias,) = variables(1)
    old = keras.optimizers.AdamW()
    old.exclude_from_weight_decay(var_names=[bias.name])
    inside = keras.optimizers.LossScaleOptimizer(old)
    inside.build([bias])
    fresh = _private.optimizer_over(inside, [bias]).inner_optimizer
    assert fresh is not old and not fresh._use_weight_decay(bias)


def test_is_muon_matrix():
    (matrix,), (vector,) = variables(1, (2, 2)), variables(1)
    muon, adam = keras.optimizers.Muon(), keras.optimizers.Adam()
    for each in (muon, adam):
        each.build([matrix, vector])
    assert _private.is_muon_matrix(muon, matrix)
    assert not _private.is_muon_matrix(muon, vector)
    assert not _private.is_muon_matrix(adam, matrix)


def test_shows_inner_averages(factors):
    class Around(_private.ShowsInnerAverages, keras.optimizers.Optimizer):
        """Where `SwapEMAWeights` looks, inside of a loss scale."""

    model = factors()
    inner = keras.optimizers.SGD(0.25, use_ema=True)
    inner.build(model.trainable_variables)
    slopes = [keras.ops.convert_to_tensor([[2.0]])] * 2
    inner.apply(slopes, model.trainable_variables)
    outer = Around(learning_rate=0.0)
    outer.build(model.trainable_variables)
    outer.inner_optimizer = inner
    model.optimizer = keras.optimizers.LossScaleOptimizer(outer)
    model.set_weights([np.full((1, 1), 7.0)] * 2)
    callback = keras.callbacks.SwapEMAWeights()
    callback.set_model(model)
    callback.on_test_begin()
    assert [w.item() for w in model.get_weights()] == [0.5, 0.5]
    callback.on_test_end()
    assert [w.item() for w in model.get_weights()] == [7.0, 7.0]
