"""Averages and rates follow their formulas where blocks come and go."""

import keras
import numpy as np
import pytest
from keras import callbacks, optimizers
from scheduled_training import (
    NUM_SAMPLES,
    OPTIMIZERS,
    STAGES,
    SWAPS_A_PART,
    SWAPS_THE_WRONG_ONES,
    Watch,
    compiled,
    fit,
    inner,
    scheduler,
    transfer_model,
)
from small_nets import values

import keras_transfer as kt
from keras_transfer import _private
from keras_transfer.training.freezing import trainable_candidates


class StepByStep(callbacks.Callback):
    """Keeps weights and averages after each step."""

    def __init__(self):
        super().__init__()
        self.steps = []

    def on_train_begin(self, logs=None):
        self.start = values(trainable_candidates(self.model))

    def on_train_batch_end(self, batch, logs=None):
        _private.sync_state(self.model)
        optimizer = inner(self.model)
        self.steps.append(
            (
                values(optimizer._trainable_variables),
                values(optimizer._model_variables_moving_average),
            )
        )


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_averages_follow_the_recursion_from_where_a_variable_joins(
    optimizer,
):
    """a = m a + (1 - m) v where it trains, and a = v where it does not."""
    model = compiled(
        transfer_model(),
        OPTIMIZERS[optimizer](0.01, use_ema=True, ema_momentum=0.75),
    )
    steps = StepByStep()
    fit(model, [scheduler(), steps])
    assert len(steps.steps) == 4 * len(STAGES)
    expected = steps.start
    for number, (weights, averages) in enumerate(steps.steps):
        frozen = 3 - STAGES[number // 4]
        momentum = 0.75 if number else 0.0
        for index, weight in enumerate(weights):
            if index < frozen:
                expected[index] = weight
            else:
                old = expected[index]
                expected[index] = momentum * old + (1 - momentum) * weight
            np.testing.assert_allclose(
                averages[index], expected[index], rtol=1e-5, atol=1e-7
            )
    for weight, average in zip(
        values(trainable_candidates(model)), expected, strict=True
    ):
        np.testing.assert_allclose(weight, average, rtol=1e-5, atol=1e-7)


@pytest.mark.skipif(not SWAPS_A_PART, reason=SWAPS_THE_WRONG_ONES)
def test_averages_that_are_swapped_end_as_without_swapping():
    """SwapEMAWeights goes before FreezingScheduler in the list.

    After it, a block that is frozen again would stop at its average.
    """

    def weights(*swap):
        keras.utils.set_random_seed(3)
        optimizer = optimizers.SGD(0.1, use_ema=True, ema_momentum=0.75)
        model = compiled(transfer_model(), optimizer)
        fit(model, [*swap, scheduler()])
        return model.get_weights()

    swapped = weights(callbacks.SwapEMAWeights(swap_on_epoch=True))
    for a, b in zip(swapped, weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def rates(model, others):
    """How far each layer moves in each epoch of one step.

    With betas of 0 an update of Adam is the rate times a sign.
    """
    watch = Watch()
    fit(
        model,
        [watch, scheduler(), *others],
        batch_size=NUM_SAMPLES,
    )
    return [
        [
            max(np.max(np.abs(a - b)) for a, b in zip(*layer, strict=True))
            for layer in zip(before, after, strict=True)
        ]
        for before, after in watch.epochs
    ]


@pytest.mark.parametrize(
    ("rate", "callback", "expected"),
    [
        (
            0.1,
            lambda: callbacks.LearningRateScheduler(
                lambda epoch: 0.1 / (1 + epoch)
            ),
            [0.1, 0.05, 0.1 / 3, 0.025],
        ),
        (
            # Nothing is an improvement of 1000: halved after each epoch but
            # the first.
            0.1,
            lambda: callbacks.ReduceLROnPlateau(
                "loss", factor=0.5, patience=1, min_delta=1e3
            ),
            [0.1, 0.1, 0.05, 0.025],
        ),
        (
            # Half a cosine over four steps.
            optimizers.schedules.CosineDecay(0.1, 4),
            None,
            [0.1 * (1 + np.cos(np.pi * t / 4)) / 2 for t in range(4)],
        ),
    ],
    ids=["LearningRateScheduler", "ReduceLROnPlateau", "CosineDecay"],
)
def test_one_rate_rules_all_and_the_ratios_stay(rate, callback, expected):
    optimizer = kt.LayerwiseOptimizer(
        optimizers.Adam(rate, beta_1=0.0, beta_2=0.0, epsilon=1e-12), decay=0.5
    )
    model = compiled(transfer_model(), optimizer)
    moved = rates(model, [callback()] if callback else [])
    factors = np.array([0.125, 0.25, 0.5, 1.0])
    for depth, rate, distances in zip(STAGES, expected, moved, strict=True):
        trains = np.arange(4) >= 3 - depth
        np.testing.assert_allclose(
            distances, rate * factors * trains, rtol=1e-3
        )
