"""What is frozen and moves is named, and so is what trains and stands."""

import keras
import numpy as np
import pytest
from doubles import vectors
from small_nets import LOSS, built, dense_net

import keras_transfer as kt
from keras_transfer import _private

layers = keras.layers


@pytest.fixture
def samples():
    return vectors(16)


def compiled(model, optimizer=None):
    model.compile(
        optimizer or keras.optimizers.SGD(0.1),
        LOSS,
    )
    return model


@pytest.fixture
def model():
    return built(
        lambda: dense_net(3, 4, batch_norm=True, dropout=0.1),
        lambda: keras.optimizers.SGD(0.1),
    )


def fit(model, samples, callbacks, epochs=2):
    return model.fit(
        *samples, batch_size=8, epochs=epochs, verbose=0, callbacks=callbacks
    )


class AtBatchEnd(keras.callbacks.Callback):
    """Does something in the middle of one epoch."""

    def __init__(self, act, epoch):
        super().__init__()
        self.act = act
        self.epoch = epoch
        self.now = None

    def on_epoch_begin(self, epoch, logs=None):
        self.now = epoch

    def on_train_batch_end(self, batch, logs=None):
        if self.now == self.epoch and batch == 0:
            _private.sync_state(self.model)
            self.act()


class AtEpochBegin(keras.callbacks.Callback):
    def __init__(self, act, epoch):
        super().__init__()
        self.act = act
        self.epoch = epoch

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.epoch:
            self.act()


def shift(variable):
    variable.assign(keras.ops.convert_to_numpy(variable) + 1e-3)


@pytest.mark.parametrize("train_batch_norm", [False, True])
@pytest.mark.parametrize("audit_first", [False, True])
def test_a_schedule_with_refreezing_passes(
    model, samples, audit_first, train_batch_norm
):
    scheduler = kt.FreezingScheduler(
        kt.PiecewiseUnfreezing([1, 2, 3], [0, 2, 1, 3]), train_batch_norm
    )
    callbacks = [scheduler, kt.FreezeAudit()]
    if audit_first:
        callbacks.reverse()
    history = fit(model, samples, callbacks, epochs=4)
    assert history.history["trainable_blocks"] == [0, 2, 1, 3]


def test_unfreezing_on_a_plateau_passes(model, samples):
    plateau = kt.UnfreezeOnPlateau("loss", patience=1, min_delta=1e3)
    history = fit(model, samples, [plateau, kt.FreezeAudit()], epochs=4)
    assert history.history["trainable_blocks"] == [0, 0, 1, 2]


@pytest.mark.parametrize("layer", ["dense0", "norm0"])
@pytest.mark.parametrize("audit_first", [False, True])
def test_a_frozen_weight_that_moves_is_named(
    model, samples, layer, audit_first
):
    weight = model.backbone.get_layer(layer).weights[0]
    other = AtBatchEnd(lambda: shift(weight), epoch=1)
    callbacks = [kt.FreezeAudit(), other]
    if not audit_first:
        callbacks.reverse()
    with pytest.raises(RuntimeError, match=rf"epoch 2: '{layer}'\. "):
        fit(model, samples, callbacks)
    assert model.history.epoch == [0]


@pytest.mark.parametrize("statistic", ["moving_mean", "moving_variance"])
def test_a_frozen_statistic_that_moves_is_named(model, samples, statistic):
    # Its block trains, it does not.
    kt.set_trainable_depth(model, 1)
    weight = getattr(model.backbone.get_layer("norm2"), statistic)
    other = AtBatchEnd(lambda: shift(weight), epoch=0)
    with pytest.raises(RuntimeError, match=r"epoch 1: 'norm2'\. "):
        fit(model, samples, [other, kt.FreezeAudit()])


def test_a_change_between_two_epochs_is_none_of_its_business(model, samples):
    weight = model.backbone.get_layer("dense0").kernel
    other = AtEpochBegin(lambda: shift(weight), epoch=1)
    history = fit(model, samples, [kt.FreezeAudit(), other])
    assert history.epoch == [0, 1]


def test_five_names_are_enough(samples):
    inputs = keras.Input((6,))
    x = inputs
    for index in range(7):
        x = layers.Dense(4, name=f"dense{index}", trainable=False)(x)
    x = layers.Dense(3, activation="softmax")(x)
    model = compiled(keras.Model(inputs, x))

    def shift_all():
        for index in range(7):
            shift(model.get_layer(f"dense{index}").kernel)

    named = ", ".join(f"'dense{index}'" for index in range(5))
    with pytest.raises(RuntimeError, match=rf"{named} and 2 more\. "):
        fit(model, samples, [AtBatchEnd(shift_all, 0), kt.FreezeAudit()])


def test_a_flag_that_is_set_by_hand_inside_fit(model, samples):
    """TensorFlow has traced its step already; the others ask again."""
    layer = model.backbone.get_layer("dense2")
    before = np.array(keras.ops.convert_to_numpy(layer.kernel))
    by_hand = AtEpochBegin(lambda: setattr(layer, "trainable", True), epoch=1)
    callbacks = [by_hand, kt.FreezeAudit()]
    if keras.backend.backend() == "tensorflow":
        with pytest.raises(RuntimeError, match=r"epoch 2: 'dense2'\. "):
            fit(model, samples, callbacks)
    else:
        fit(model, samples, callbacks)
        after = keras.ops.convert_to_numpy(layer.kernel)
        assert np.any(after != before)


# TensorFlow and torch say that there is no gradient.
@pytest.mark.filterwarnings("ignore:Gradients do not exist")
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_gradient_that_is_stopped(samples, optimizer):
    inputs = keras.Input((6,))
    x = layers.Dense(4, name="below")(inputs)
    x = layers.Dense(4, name="frozen", trainable=False)(x)
    x = keras.ops.stop_gradient(x)
    outputs = layers.Dense(3, activation="softmax", name="above")(x)
    model = compiled(keras.Model(inputs, outputs), optimizer)
    with pytest.raises(RuntimeError, match=r"not changed in epoch 1: 'below'"):
        fit(model, samples, [kt.FreezeAudit()])


@pytest.mark.parametrize(
    "make",
    [
        lambda: keras.optimizers.SGD(0.0),
        lambda: keras.optimizers.SGD(
            keras.optimizers.schedules.PiecewiseConstantDecay([1], [0.0, 0.0])
        ),
        lambda: kt.LayerwiseOptimizer(keras.optimizers.Adam(0.0), decay=0.5),
    ],
    ids=["a number", "a schedule", "layer-wise"],
)
def test_a_rate_of_zero_is_no_error(model, samples, make):
    before = model.get_weights()
    fit(compiled(model, make()), samples, [kt.FreezeAudit()], epochs=1)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_an_epoch_without_an_update_is_no_error(model, samples):
    """Two steps an epoch, of which four make an update."""
    optimizer = keras.optimizers.SGD(0.1, gradient_accumulation_steps=4)
    fit(compiled(model, optimizer), samples, [kt.FreezeAudit()], epochs=4)
    assert int(optimizer.iterations) == 2


def test_batch_norm_without_weights_may_move_where_it_trains(samples):
    inputs = keras.Input((6,))
    x = layers.Dense(4, name="dense")(inputs)
    norm = layers.BatchNormalization(center=False, scale=False, name="norm")
    outputs = layers.Dense(3, activation="softmax")(norm(x))
    model = compiled(keras.Model(inputs, outputs))
    before = np.array(keras.ops.convert_to_numpy(norm.moving_mean))
    fit(model, samples, [kt.FreezeAudit()])
    assert np.any(keras.ops.convert_to_numpy(norm.moving_mean) != before)
    norm.trainable = False
    other = AtBatchEnd(lambda: shift(norm.moving_mean), epoch=0)
    with pytest.raises(RuntimeError, match=r"have changed .*'norm'\. "):
        fit(compiled(model), samples, [other, kt.FreezeAudit()])
