"""A cached training equals an uncached one beside the other options."""

import keras
import numpy as np
import pytest
from cached_training import (
    CLASSES,
    adam,
    arrays,
    assert_same_history,
    assert_same_model,
    both,
    fit,
    made,
    net,
    scheduled,
    validation_arrays,
)
from cases import some_slow
from doubles import vectors
from keras import layers, optimizers
from small_nets import built, values

import keras_transfer as kt

SEVERAL = "several steps a call"
OPTIONS = {
    "averages": {
        "make": lambda: optimizers.AdamW(0.02, use_ema=True, ema_momentum=0.8)
    },
    "averages, overwritten": {
        "make": lambda: optimizers.Adam(
            0.02, use_ema=True, ema_momentum=0.8, ema_overwrite_frequency=2
        )
    },
    "accumulating": {
        "make": lambda: optimizers.Adam(0.02, gradient_accumulation_steps=2)
    },
    "pull to the start": {
        "compiled": lambda: {"regularizer": kt.L2SP(0.1, 0.1)}
    },
    "layer-wise": {
        "make": lambda: kt.LayerwiseOptimizer(
            optimizers.AdamW(0.02, weight_decay=0.1), decay=0.5
        )
    },
    "dropout in the head": {
        "head": lambda: kt.ClassificationHead(
            CLASSES, hidden_units=(4,), dropout=0.4
        )
    },
    "a layer as head": {
        "head": lambda: layers.Dense(
            CLASSES, activation="softmax", name="classes"
        )
    },
    "batch norm trains": {"train_batch_norm": True},
    "rate that falls": {
        "make": lambda: optimizers.SGD(
            optimizers.schedules.ExponentialDecay(0.1, 3, 0.7), momentum=0.9
        )
    },
    SEVERAL: {"compiled": lambda: {"steps_per_execution": 2}},
    "weighted metrics": {
        "compiled": lambda: {"weighted_metrics": ["accuracy"]}
    },
    "eager": {"compiled": lambda: {"run_eagerly": True}},
}


@pytest.mark.parametrize(
    "name",
    some_slow(OPTIONS, {"averages", "dropout in the head"}, graphs={SEVERAL}),
)
def test_options(name):
    if name == SEVERAL and keras.backend.backend() == "torch":
        pytest.skip("torch has one step a call")
    both(
        arrays(),
        scheduled(0, 2, 2, 1),
        epochs=4,
        model=OPTIONS[name],
        validation=validation_arrays,
    )


def test_random_layers_that_train_or_stand_above_the_boundary():
    """Dropout in a block above the boundary draws as without the cache."""
    both(
        arrays(),
        model={
            "depth": 2,
            "below": {2: lambda: layers.Dropout(0.3, seed=3)},
        },
    )


def test_dropout_that_is_frozen_lets_everything_through():
    """As it joins, it draws what it would without the cache."""
    below = {
        0: lambda: layers.GaussianNoise(0.5),
        1: lambda: layers.Dropout(0.3, seed=3),
    }
    both(arrays(), scheduled(0, 3, 0), epochs=3, model={"below": below})


def recurrent(**options):
    inputs = keras.Input((6, 4))
    x = layers.LSTM(4, return_sequences=True, **options)(inputs)
    return keras.Model(inputs, layers.GRU(4, **options)(x))


def steps():
    x, y = vectors(20, features=24)
    return (x.reshape(20, 6, 4), y), {"batch_size": 8}


@pytest.mark.parametrize("rate", some_slow([0.0, 0.4], {0.4}))
def test_recurrent_layers(rate):
    """They own generators of random numbers, and draw as they join."""
    sides = []
    for cache in (None, "memory"):
        model = built(lambda: recurrent(dropout=rate, seed=5), adam)
        history = fit(model, steps, cache, scheduled(0, 0, 1)())
        sides.append((model, history))
    (expected, wanted), (cached, history) = sides
    assert history.history["loss"] == pytest.approx(
        wanted.history["loss"], rel=1e-5
    )
    # The generators' states are among the variables.
    for a, b in zip(cached.variables, expected.variables, strict=True):
        np.testing.assert_allclose(*values([a, b]), atol=1e-5)


@pytest.mark.slow
def test_a_loss_of_its_own_in_compute_loss():
    class Doubled(kt.TransferModel):
        def compute_loss(
            self, x=None, y=None, y_pred=None, sample_weight=None, **kwargs
        ):
            assert y_pred.shape[-1] == CLASSES
            return 2 * super().compute_loss(
                x, y, y_pred, sample_weight, **kwargs
            )

    results = []
    for cache in (None, "memory"):
        keras.utils.set_random_seed(7)
        model = Doubled(
            net(),
            head=CLASSES,
            preprocessing=None,
            output_layer="dense3",
        )
        model.compile(adam(), "sparse_categorical_crossentropy")
        history = fit(model, arrays(), cache, scheduled(0, 1, 1)())
        results.append((model, history))
    assert_same_history(results[1][1], results[0][1])
    assert_same_model(results[1][0], results[0][0])


@pytest.mark.slow
def test_a_cached_fit_after_another():
    """Weights, optimizer and clocks go on as in two uncached fits."""
    sides = []
    for cache in (None, "memory"):
        model = made(**OPTIONS["averages"])
        one = fit(model, arrays(), cache, scheduled(0, 2)(), epochs=2)
        two = fit(
            model,
            arrays(),
            cache,
            scheduled(0, 2, 1, 0)(),
            epochs=4,
            initial_epoch=2,
        )
        assert two.epoch == [2, 3]
        sides.append((model, one, two))
    for index in (1, 2):
        assert_same_history(sides[1][index], sides[0][index])
    assert_same_model(sides[1][0], sides[0][0])
