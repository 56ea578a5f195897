"""Probes of the private names by which optimizers take their steps."""

import keras
import numpy as np
import pytest

from keras_transfer import _private


def two_ones():
    return [
        keras.Variable(np.ones(1), dtype="float32", name=name) for name in "ab"
    ]


def values(found):
    return [float(keras.ops.convert_to_numpy(v)[0]) for v in found]


def tensors(*numbers):
    return [keras.ops.convert_to_tensor([float(n)]) for n in numbers]


@pytest.fixture
def half_frozen(factors):
    """A model whose optimizer is built on both factors, `a` frozen since."""
    model = factors()
    model.compile(keras.optimizers.SGD(0.25), "mse")
    model.optimizer.build(model.trainable_variables)
    model.layers[0].trainable = False
    return model


X, Y = np.ones((1, 1)), np.zeros((1, 1))


@pytest.mark.skipif(
    keras.backend.backend() != "jax",
    reason="The others take any part of the variables.",
)
def test_without_apply_to_active_variables(half_frozen):
    with pytest.raises(ValueError, match="optimizer was built"):
        half_frozen.fit(X, Y, verbose=0)


def test_apply_to_active_variables(half_frozen):
    model = half_frozen
    _private.apply_to_active_variables(model.optimizer, model)
    model.fit(X, Y, verbose=0)
    assert [w.item() for w in model.get_weights()] == [1.0, 0.5]
    model.layers[0].trainable = True
    _private.rebuild_train_function(model)
    model.fit(X, Y, verbose=0)
    # Slopes at (1, 0.5): 2 * 0.5 * 0.5 and 2 * 0.5 * 1.
    assert [w.item() for w in model.get_weights()] == [0.875, 0.25]


def averaging():
    a, b = two_ones()
    optimizer = keras.optimizers.SGD(1.0, use_ema=True, ema_momentum=0.5)
    optimizer.build([a, b])
    _private.average_active_variables(optimizer, [b])
    for _ in range(2):
        optimizer.apply(tensors(2), [b])
    return optimizer, a, b


def test_average_active_variables():
    optimizer, a, b = averaging()
    # -1, then -3; the average starts at the first one.
    assert values([a, b]) == [1.0, -3.0]
    averages = optimizer._model_variables_moving_average
    assert values(averages) == [1.0, -2.0]
    optimizer.finalize_variable_values([b])
    assert values([a, b]) == [1.0, -2.0]


def test_average_active_variables_drops_gradients_of_the_others():
    a, b = two_ones()
    optimizer = keras.optimizers.SGD(1.0, gradient_accumulation_steps=2)
    optimizer.build([a, b])
    optimizer.apply(tensors(2, 2), [a, b])
    assert values(optimizer._accumulated_gradients) == [2.0, 2.0]
    _private.average_active_variables(optimizer, [b])
    assert values(optimizer._accumulated_gradients) == [0.0, 2.0]
    assert values([a, b]) == [1.0, 1.0]


def test_not_finalizing():
    optimizer, _, b = averaging()
    with _private.not_finalizing(optimizer):
        optimizer.finalize_variable_values([b])
        assert values([b]) == [-3.0]
    optimizer.finalize_variable_values([b])
    assert values([b]) == [-2.0]


def halved_and_doubled(optimizer):
    """Makes an optimizer of two variables take two rates."""
    _private.scale_updates(
        optimizer,
        lambda rate: [rate * 0.5, rate * 2.0],
        lambda indices, rate: [([i], rate * (0.5, 2.0)[i]) for i in indices],
    )


def test_scale_updates():
    a, b = two_ones()
    optimizer = keras.optimizers.SGD(1.0)
    optimizer.build([a, b])
    halved_and_doubled(optimizer)
    optimizer.apply(tensors(1, 1), [a, b])
    assert values([a, b]) == [0.5, -1.0]
    optimizer.apply(tensors(1), [b])
    assert values([a, b]) == [0.5, -3.0]
    assert int(optimizer.iterations) == 2


def test_scale_updates_of_a_clipped_gradient():
    a, b = two_ones()
    optimizer = keras.optimizers.SGD(1.0, clipvalue=1.0)
    optimizer.build([a, b])
    halved_and_doubled(optimizer)
    optimizer.apply(tensors(9, 9), [a, b])
    assert values([a, b]) == [0.5, -1.0]


def test_scale_updates_of_nadam():
    """Its product over the steps is shared: groups must not multiply it."""
    found = []
    for scaled in (False, True):
        pair = two_ones()
        optimizer = keras.optimizers.Nadam(0.1)
        optimizer.build(pair)
        if scaled:
            _private.scale_updates(
                optimizer,
                lambda rate: [rate, rate],
                lambda indices, rate: [([i], rate) for i in indices],
            )
        for _ in range(2):
            optimizer.apply(tensors(1, 3), pair)
        found.append(values(pair))
    assert found[1] == pytest.approx(found[0], rel=1e-6)
    assert found[0] != [1.0, 1.0]


def test_scale_weight_decay():
    a, b = two_ones()
    optimizer = keras.optimizers.SGD(1.0, weight_decay=0.5)
    optimizer.build([a, b])
    _private.scale_weight_decay(optimizer, lambda found: [(0.5, found[:1])])
    optimizer.apply(tensors(0, 2), [a, b])
    # a loses half of its half; b does not decay, and its step is the usual.
    assert values([a, b]) == [0.75, -1.0]


def test_scale_weight_decay_asks_only_for_what_decays():
    a, b = two_ones()
    optimizer = keras.optimizers.SGD(1.0, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_names=["a"])
    optimizer.build([a, b])
    _private.scale_weight_decay(optimizer, lambda found: [(1.0, found)])
    optimizer.apply(tensors(0, 0), [a, b])
    assert values([a, b]) == [1.0, 0.5]
