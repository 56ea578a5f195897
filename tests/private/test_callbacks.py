"""Probes of the private names of callbacks."""

import keras
import numpy as np

from keras_transfer import _private


def test_start_at_epoch_and_epoch_to_start_at(small_functional):
    model = small_functional()
    assert _private.epoch_to_start_at(model) is None
    model.compile("sgd", "mse")
    x, y = keras.ops.ones((4, 4)), keras.ops.ones((4, 3))

    class Late(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            _private.start_at_epoch(self.model, 2)

    history = model.fit(x, y, epochs=3, verbose=0, callbacks=[Late()])
    assert history.epoch == [2]
    assert _private.epoch_to_start_at(model) == 2


def test_is_higher_better(small_functional):
    model = small_functional()
    model.compile("sgd", "mse", metrics=["mae", "r2_score"])
    model.evaluate(keras.ops.ones((4, 4)), keras.ops.ones((4, 3)), verbose=0)
    assert not _private.is_higher_better(model, "val_loss")
    assert not _private.is_higher_better(model, "mae")
    assert _private.is_higher_better(model, "val_r2_score")


def test_batches_since_saved(small_functional, tmp_path):
    path = tmp_path / "saved.keras"
    callback = keras.callbacks.ModelCheckpoint(path, save_freq=3)
    callback.set_model(small_functional())
    callback.on_epoch_begin(0)
    callback.on_train_batch_end(0, {})
    assert getattr(callback, _private.BATCHES_SINCE_SAVED) == 1
    assert not path.exists()
    setattr(callback, _private.BATCHES_SINCE_SAVED, 2)
    callback.on_train_batch_end(1, {})
    assert path.exists()
    assert getattr(callback, _private.BATCHES_SINCE_SAVED) == 0


def one_weight(optimizer):
    """Returns a model whose only weight is 1, about to be trained."""
    layer = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")
    model = keras.Sequential([keras.Input((1,)), layer])
    model.compile(optimizer, "mse")
    return model


def test_swapped():
    optimizer = keras.optimizers.SGD(0.25, use_ema=True, ema_momentum=0.5)
    model = one_weight(optimizer)
    x, y = np.ones((1, 1)), np.zeros((1, 1))
    for _ in range(2):
        model.train_on_batch(x, y)
    callback = keras.callbacks.SwapEMAWeights()
    callback.set_model(model)
    seen = []

    def look():
        swapped = getattr(callback, _private.SWAPPED)
        seen.append((swapped, float(model.get_weights()[0][0, 0])))

    look()
    callback.on_test_begin()
    look()
    callback.on_test_end()
    look()
    # The slope is 2 w: 1, 0.5, 0.25. The average starts at the first 0.5.
    assert seen == [(False, 0.25), (True, 0.375), (False, 0.25)]
    setattr(callback, _private.SWAPPED, True)
    callback.on_test_begin()
    look()
    assert seen[-1] == (True, 0.25)
