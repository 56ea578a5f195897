"""Probes of the private names of trainers."""

import sys
import types

import keras
import numpy as np
import pytest

from keras_transfer import _private


def test_forget_functions(small_functional):
    model = small_functional()
    model.compile("sgd", "mse")
    x, y = keras.ops.ones((4, 4)), keras.ops.ones((4, 3))
    model.fit(x, y, verbose=0)
    before = model.train_function
    _private.forget_functions(model)
    model.fit(x, y, verbose=0)
    assert model.train_function not in (None, before)


def test_compiled_loss_and_compiled_metrics(small_functional):
    model = small_functional()
    model.compile("sgd", "mse", metrics=["mae"])
    x, y = keras.ops.ones((4, 4)), keras.ops.ones((4, 3))
    model.fit(x, y, verbose=0)
    loss = _private.compiled_loss(model)(y, model(x))
    assert float(loss) >= 0
    assert _private.compiled_metrics(model) in model.metrics
    other = small_functional()
    other.compile("sgd")
    assert _private.compiled_loss(other) is None


def test_losses_of_call():
    seen = []

    class Looking(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(3, activity_regularizer="l2")

        def call(self, inputs):
            return self.dense(inputs)

        def compute_loss(self, x, y, y_pred, sample_weight=None, **kwargs):
            seen.append(len(_private.losses_of_call(self)))
            return super().compute_loss(x, y, y_pred, sample_weight, **kwargs)

    model = Looking()
    model.compile("sgd", "mse")
    model.fit(keras.ops.ones((4, 4)), keras.ops.ones((4, 3)), verbose=0)
    carried = keras.backend.backend() == "jax"
    assert seen[-1] == (1 if carried else 0)


def test_rebuild_train_function(factors):
    model = factors()
    model.compile(keras.optimizers.SGD(0.25), "mse")
    x, y = np.ones((1, 1)), np.zeros((1, 1))
    _private.rebuild_train_function(model)
    assert getattr(model, "train_function", None) is None
    model.fit(x, y, verbose=0)
    assert [w.item() for w in model.get_weights()] == [0.5, 0.5]
    model.layers[0].trainable = False
    _private.apply_to_active_variables(model.optimizer, model)
    if keras.backend.backend() == "tensorflow":
        # Why it is needed: the step has been traced with both.
        model.fit(x, y, verbose=0)
        assert [w.item() for w in model.get_weights()] == [0.4375, 0.4375]
        model.set_weights([np.full((1, 1), 0.5)] * 2)
    _private.rebuild_train_function(model)
    model.fit(x, y, verbose=0)
    # The slope along the second is 2 * 0.25 * 0.5.
    assert [w.item() for w in model.get_weights()] == [0.5, 0.4375]


def test_sync_state():
    layer = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")
    model = keras.Sequential([keras.Input((1,)), layer])
    model.compile(keras.optimizers.SGD(0.25), "mse")
    seen = []

    class Looking(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            _private.sync_state(self.model)
            _private.sync_state(self.model)
            seen.append(layer.get_weights()[0].item())
            if batch == 1:
                layer.set_weights([np.full((1, 1), 4.0)])

    model.fit(
        np.ones((4, 1)), np.zeros((4, 1)), batch_size=1, verbose=0,
        callbacks=[Looking()],
    )  # fmt: skip
    # The slope is 2 w, so each step halves; what is written in between counts.
    assert seen == [0.5, 0.25, 2.0, 1.0]
    assert layer.get_weights()[0].item() == 1.0


def test_global_seed_state():
    keras.utils.clear_session()
    assert _private.global_seed_state() is None
    state = _private.global_seed_state(create=True)
    assert _private.global_seed_state() is state
    before = keras.ops.convert_to_numpy(state).copy()
    draws = [draw()]
    state.assign(before)
    draws += [draw(), draw()]
    # Every draw moves it on; what was drawn is drawn again from where it was.
    assert draws[0] == draws[1] != draws[2]


def draw():
    return keras.ops.convert_to_numpy(keras.random.uniform((3,))).tolist()


@pytest.fixture
def two_replicas(monkeypatch):
    """Makes Keras believe that this is one of two replicas."""
    if keras.backend.backend() != "tensorflow":
        pytest.skip("only tf.distribute has replicas that share a loss")
    import types

    import tensorflow as tf

    strategy = types.SimpleNamespace(num_replicas_in_sync=2)
    monkeypatch.setattr(tf.distribute, "get_strategy", lambda: strategy)


def test_additional_loss(small_functional):
    model, value = small_functional(), keras.ops.convert_to_tensor(2.0)
    assert float(_private.additional_loss(model, value)) == 2.0


def test_additional_loss_of_a_replica(small_functional, two_replicas):
    model, value = small_functional(), keras.ops.convert_to_tensor(2.0)
    assert float(_private.additional_loss(model, value)) == 1.0


def test_unscaled_loss():
    value = keras.ops.convert_to_tensor(2.0)
    assert float(_private.unscaled_loss(value)) == 2.0


def test_unscaled_loss_of_a_replica(two_replicas):
    value = keras.ops.convert_to_tensor(2.0)
    assert float(_private.unscaled_loss(value)) == 4.0


def test_validates_fit():
    class Asked(keras.Model):
        def evaluate(self, *args, **options):
            asked.append(_private.validates_fit(options))
            return super().evaluate(*args, **options)

    asked = []
    inputs = keras.Input((3,))
    model = Asked(inputs, keras.layers.Dense(1)(inputs))
    model.compile("sgd", "mse")
    x, y = np.ones((4, 3), "float32"), np.ones((4, 1), "float32")
    model.fit(x, y, validation_data=(x, y), verbose=0)
    model.evaluate(x, y, verbose=0)
    assert asked == [True, False]


def test_has_strategy(small_functional):
    assert not _private.has_strategy(small_functional())
    if keras.backend.backend() != "tensorflow":
        return
    tf = sys.modules["tensorflow"]
    with tf.distribute.OneDeviceStrategy("cpu:0").scope():
        assert _private.has_strategy(small_functional())


def test_builds_by_one_replica():
    class Trainer:
        def _maybe_symbolic_build(self, iterator=None, data_batch=None):
            self.built_with = iterator, data_batch

    class Model(_private.BuildsByOneReplica, Trainer):
        _distribute_strategy = "a strategy"

    if keras.backend.backend() == "tensorflow":
        assert keras.Model._maybe_symbolic_build
    model, shares = Model(), types.SimpleNamespace(values=["first", "second"])
    model._maybe_symbolic_build(iterator=[(0, 0, iter([(shares, shares)]))])
    assert model.built_with == (None, ("first", "first"))
    model._maybe_symbolic_build(data_batch="given")
    assert model.built_with == (None, "given")


def test_forget_validation(small_functional):
    class Ends(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                raise KeyboardInterrupt

    model = small_functional()
    model.compile("sgd", "mse")
    x, y = np.ones((4, 4)), np.ones((4, 3))
    options = {"validation_data": (x, y), "epochs": 2, "verbose": 0}
    with pytest.raises(KeyboardInterrupt):
        model.fit(x, y, callbacks=[Ends()], **options)
    # JAX lets go of it by itself.
    is_kept = keras.backend.backend() != "jax"
    assert hasattr(model, "_eval_epoch_iterator") == is_kept
    _private.forget_validation(model)
    assert not hasattr(model, "_eval_epoch_iterator")
    _private.forget_validation(model)
    model.fit(x, y, **options)
