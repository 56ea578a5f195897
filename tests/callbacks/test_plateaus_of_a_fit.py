"""`UnfreezeOnPlateau` in a real `fit`: what it watches, what it refuses."""

import keras
import numpy as np
import pytest
from doubles import vectors
from plateaus import (
    MODELS,
    NUM_BLOCKS,
    depth,
    frozen_plain_model,
    scripted,
    transfer_model,
)

import keras_transfer as kt
from keras_transfer import _private
from keras_transfer.training.freezing import freeze_state


@pytest.fixture
def model():
    return transfer_model()


@pytest.fixture
def samples():
    return vectors(16)


def same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize("kind", MODELS)
def test_a_fit_that_early_stopping_ends(kind, samples):
    model = MODELS[kind]()
    before = [block_values(model, index) for index in range(NUM_BLOCKS)]
    history = model.fit(
        *samples,
        validation_data=samples,
        epochs=20,
        batch_size=8,
        verbose=0,
        callbacks=[
            # Nothing is ever an improvement of 1000, so both only count.
            kt.UnfreezeOnPlateau(patience=1, min_delta=1e3),
            keras.callbacks.EarlyStopping(patience=4, min_delta=1e3),
        ],
    )
    # Changes after the epochs 1, 2, 3 and 4; the last trains no more.
    assert history.history["trainable_blocks"] == [0, 0, 1, 2, 3]
    assert depth(model) == NUM_BLOCKS
    moved = [
        not same(block_values(model, index), before[index])
        for index in range(NUM_BLOCKS)
    ]
    assert moved == [False, True, True, True]


def block_values(model, index):
    return [
        np.array(keras.ops.convert_to_numpy(weight))
        for layer in freeze_state(model).blocks[index].layers
        for weight in layer.weights
    ]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -np.inf])
def test_a_value_that_is_no_number_is_an_error(model, value):
    callback = kt.UnfreezeOnPlateau(patience=5)
    with pytest.raises(ValueError, match=r"after epoch 2.* diverged"):
        scripted(callback, model, [1.0, value])


@pytest.mark.parametrize("mode", ["auto", "min"])
@pytest.mark.parametrize("steps_per_execution", [1, 2])
def test_a_monitor_that_never_appears_is_an_error_after_the_first_step(
    samples, mode, steps_per_execution
):
    if keras.backend.backend() == "torch" and steps_per_execution > 1:
        pytest.skip("torch runs one step at a time")
    model = transfer_model(steps_per_execution=steps_per_execution)
    callback = kt.UnfreezeOnPlateau(monitor="val_auc", mode=mode)
    with pytest.raises(ValueError, match=r"'val_auc'.* Logged are: .*loss"):
        model.fit(
            *samples,
            validation_data=samples,
            batch_size=2,
            verbose=0,
            callbacks=[callback],
        )
    _private.sync_state(model)
    assert int(model.optimizer.iterations) == steps_per_execution
    assert model.history.epoch == []


def test_a_monitor_that_never_appears_in_a_plain_fit(samples):
    """There it may come from anywhere, so an epoch has to pass."""
    plain = frozen_plain_model()
    callback = kt.UnfreezeOnPlateau(monitor="val_auc", mode="max")
    with pytest.raises(ValueError, match=r"'val_auc'.* Logged are: .*loss"):
        plain.fit(*samples, epochs=9, verbose=0, callbacks=[callback])
    assert len(plain.history.epoch) <= 1


def test_no_validation_data_is_an_error_before_anything_trains(model, samples):
    with pytest.raises(ValueError, match="no validation data"):
        model.fit(*samples, verbose=0, callbacks=[kt.UnfreezeOnPlateau()])
    assert int(model.optimizer.iterations) == 0


def test_a_share_of_the_samples_validates(model, samples):
    history = model.fit(
        *samples,
        validation_split=0.5,
        epochs=3,
        verbose=0,
        callbacks=[kt.UnfreezeOnPlateau(patience=1, min_delta=1e3)],
    )
    assert history.history["trainable_blocks"] == [0, 0, 1]


def test_epochs_without_validation_do_not_count(model, samples):
    plateau = kt.UnfreezeOnPlateau(patience=1, min_delta=1e3)
    history = model.fit(
        *samples,
        validation_data=samples,
        validation_freq=2,
        epochs=5,
        verbose=0,
        callbacks=[plateau],
    )
    # Validation after the second and the fourth epoch.
    assert history.history["trainable_blocks"] == [0, 0, 0, 0, 1]


class Logs(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        logs["mine"] = 1.0


def log_mine(epoch, logs):
    logs["mine"] = 1.0


@pytest.mark.parametrize(
    "other",
    [Logs, lambda: keras.callbacks.LambdaCallback(on_epoch_end=log_mine)],
    ids=["a class", "LambdaCallback"],
)
def test_another_callback_may_log_the_quantity(model, samples, other):
    plateau = kt.UnfreezeOnPlateau("mine", patience=1, mode="min")
    history = model.fit(
        *samples, epochs=3, verbose=0, callbacks=[other(), plateau]
    )
    assert history.history["trainable_blocks"] == [0, 0, 1]


def test_a_direction_that_is_not_known_has_to_be_said(model, samples):
    plateau = kt.UnfreezeOnPlateau("mine", patience=1)
    with pytest.raises(ValueError, match=r"UnfreezeOnPlateau.*mode='max'"):
        model.fit(*samples, verbose=0, callbacks=[Logs(), plateau])


def test_the_direction_of_a_metric_of_ones_own_has_to_be_said(samples):
    def distance(y_true, y_pred):
        return keras.ops.mean(y_pred)

    model = transfer_model(metrics=[distance])
    plateau = kt.UnfreezeOnPlateau("distance", patience=1)
    with pytest.raises(ValueError, match=r"UnfreezeOnPlateau.*mode='max'"):
        model.fit(*samples, verbose=0, callbacks=[plateau])


@pytest.mark.parametrize("value", [5, -1, 1.5, True, "2"])
def test_max_blocks_that_the_model_does_not_have(model, samples, value):
    callback = kt.UnfreezeOnPlateau("loss", max_blocks=value)
    with pytest.raises(ValueError, match=r"`max_blocks`.*from 0 .* to 4"):
        model.fit(*samples, verbose=0, callbacks=[callback])
    assert int(model.optimizer.iterations) == 0
