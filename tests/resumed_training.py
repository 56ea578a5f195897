"""Trains small models with a `TransferCheckpoint`, and interrupts them."""

import gc

import numpy as np
import pytest
from doubles import Interrupt
from keras import layers, optimizers
from small_nets import built, built_plain, dense_net, values

import keras_transfer as kt

EPOCHS = 6


def net(units=5):
    """Returns three blocks of a dense layer, numbered through by Keras."""
    return dense_net(
        3, units, named=False, after={0: [layers.BatchNormalization]}
    )


def adamw():
    return optimizers.AdamW(0.02, weight_decay=0.1)


def averaging():
    return kt.LayerwiseOptimizer(
        optimizers.AdamW(0.02, use_ema=True, ema_momentum=0.8), decay=0.8
    )


def transfer_model(make_optimizer=adamw, **changes):
    return built(
        lambda: net(**changes),
        make_optimizer,
        depth=1,
        head=lambda: kt.ClassificationHead(3, dropout=0.3),
        augmentation=layers.GaussianNoise(0.1, seed=3),
        train_batch_norm=True,
        compiled={"metrics": ["accuracy"]},
    )


def plain_model(make_optimizer=adamw):
    return built_plain(make_optimizer, net, dropout=0.3)


def fit(model, samples, extra, epochs=EPOCHS, **kwargs):
    """Trains where there is nothing to learn: validation gets worse."""
    return model.fit(
        *samples,
        batch_size=8,
        epochs=epochs,
        validation_data=(samples[0][:9], 2 - samples[1][:9]),
        verbose=0,
        callbacks=extra,
        **kwargs,
    )


def interrupted(model, samples, extra, place, **kwargs):
    epoch, batch, *error = place
    error = (error or [KeyboardInterrupt])[0]
    stop = Interrupt(epoch, batch, error("interrupted"))
    with pytest.raises(error, match="interrupted"):
        fit(model, samples, [*extra, stop], **kwargs)
    # Of a fit that was interrupted, Keras' iterator is in a cycle. Where it is
    # collected late, TensorFlow waits up to a minute for its thread to end.
    gc.collect()


def checkpoint(folder, **kwargs):
    return kt.callbacks.TransferCheckpoint(folder, verbose=0, **kwargs)


def schedule(epoch, num_blocks):
    return [1, 2, 3, 1, 1, 2][epoch]


def assert_same(model, expected):
    for mine, theirs in (
        (model.variables, expected.variables),
        (model.optimizer.variables, expected.optimizer.variables),
    ):
        for a, b in zip(values(mine), values(theirs), strict=True):
            np.testing.assert_array_equal(a, b)
    flags = [layer.trainable for layer in model._flatten_layers()]
    assert flags == [layer.trainable for layer in expected._flatten_layers()]


def assert_same_history(history, expected):
    assert history.epoch == expected.epoch
    assert history.history == expected.history
    assert list(history.history) == list(expected.history)
