"""Probes of the private names of TensorFlow."""

import keras
import numpy as np
import pytest

from keras_transfer import _private

tf = pytest.importorskip("tensorflow")
on_tensorflow = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow",
    reason="Only Keras on TensorFlow traces graphs of it.",
)
X, Y = np.ones((4, 1), "float32"), np.zeros((4, 1), "float32")


def test_pipeline_inputs():
    numbers = tf.data.Dataset.range(8)
    (shuffled,) = _private.pipeline_inputs(numbers.shuffle(2).batch(2))
    assert "shuffle" in type(shuffled).__name__.lower()
    assert len(_private.pipeline_inputs(numbers.concatenate(numbers))) == 2
    assert list(_private.pipeline_inputs(numbers)) == []
    assert list(_private.pipeline_inputs([1, 2])) == []


def square(x):
    """`x ** 2` whose registered gradient is `3 x` instead of `2 x`."""

    @tf.custom_gradient
    def with_gradient(x):
        return x**2, lambda upstream: 3.0 * x * upstream

    return with_gradient(x)


def gradient_of(function, at=2.0):
    x = tf.constant(at)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = function(x)
    return float(tape.gradient(y, x))


class Traced(keras.layers.Layer):
    """`(w x) ** 2` in a function of its own, with a gradient of its own."""

    def __init__(self):
        super().__init__()
        self.w = self.add_weight(shape=(1,), initializer="ones")
        self.squared = tf.function(square)

    def call(self, inputs):
        return self.squared(self.w * inputs)


def one_weight(layer=None):
    """Returns a model of a single weight 1 and inputs of 1, to be trained."""
    layer = layer or keras.layers.Dense(
        1, use_bias=False, kernel_initializer="ones"
    )
    model = keras.Sequential([keras.Input((1,)), layer])
    model.compile(keras.optimizers.SGD(0.25), "mse")
    return model


def trained(model):
    """Trains for a step; returns the model's weight."""
    model.fit(X, Y, batch_size=4, verbose=0)
    return model.get_weights()[0].item()


@on_tensorflow
@pytest.mark.parametrize("options", [{}, {"steps_per_execution": 2}])
def test_step_gradients_and_forget_step_gradients(options):
    _private.forget_step_gradients()
    model = one_weight()
    model.compile(keras.optimizers.SGD(0.25), "mse", **options)
    model.predict(X, verbose=0)
    assert _private.step_gradients() == []
    assert trained(model) == 0.5
    assert _private.step_gradients() != []
    _private.forget_step_gradients()
    assert _private.step_gradients() == []


@on_tensorflow
def test_forgetting_frees_the_memory():
    import gc
    import weakref

    model = one_weight()
    trained(model)
    memory = weakref.ref(model.layers[0].kernel.value.handle)
    del model
    keras.utils.clear_session()
    gc.collect()
    assert memory() is not None
    _private.forget_step_gradients()
    gc.collect()
    assert memory() is None


@on_tensorflow
def test_models_traced_before_during_and_after_train_on():
    before, built = one_weight(), one_weight()
    assert trained(before) == 0.5
    during = one_weight()
    assert [trained(before), trained(during)] == [0.25, 0.5]
    _private.forget_step_gradients()
    assert [trained(before), trained(during)] == [0.125, 0.25]
    # A new trace: another batch size, then a function made anew.
    during.fit(X[:3], Y[:3], verbose=0)
    assert during.get_weights()[0].item() == 0.125
    _private.rebuild_train_function(during)
    assert trained(during) == 0.0625
    assert [trained(built), trained(one_weight())] == [0.5, 0.5]


@on_tensorflow
def test_functions_of_others_keep_their_gradients():
    differentiated = tf.function(square)
    assert gradient_of(differentiated) == 6.0
    # Traced and never differentiated yet: its gradient is looked up later.
    only_run = tf.function(square)
    assert float(only_run(tf.constant(2.0))) == 4.0
    _private.forget_step_gradients()
    assert gradient_of(differentiated) == 6.0
    assert gradient_of(only_run) == 6.0
    assert gradient_of(square) == 6.0


@on_tensorflow
def test_a_layer_with_a_function_of_its_own_trains_afterwards():
    layer = Traced()
    model = one_weight(layer)
    # Inside the step of `predict`, without any gradient being built.
    assert model.predict(X, verbose=0)[0].item() == 1.0
    _private.forget_step_gradients()
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(layer(X))
    # 3 w x * x, at w = x = 1.
    assert tape.gradient(loss, layer.w.value).numpy().item() == 3.0
    # The slope of the squared error (w x) ** 4 is 2 * 1 * 3.
    assert trained(model) == 1.0 - 0.25 * 6.0


@on_tensorflow
def test_a_step_that_is_being_traced_keeps_its_gradients():
    seen = []

    class Forgets(keras.layers.Layer):
        """Lets go of gradients between the forward and the backward pass."""

        def call(self, inputs):
            y = square(inputs)
            _private.forget_step_gradients()
            seen.append(1)
            return y

    layer = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")
    model = keras.Sequential([keras.Input((1,)), layer, Forgets()])
    model.compile(keras.optimizers.SGD(0.25), "mse")
    assert trained(model) == 1.0 - 0.25 * 6.0
    assert seen


@on_tensorflow
def test_mirrored_strategy_and_groups_of_devices():
    own = [_private.mirrored_strategy(["CPU:0"]) for _ in range(2)]
    plain = [tf.distribute.MirroredStrategy(["CPU:0"]) for _ in range(2)]
    (one, two), (three, four) = (
        [_private.groups_of_devices(each) for each in both]
        for both in (own, plain)
    )
    assert list(one) == list(two) == list(three) != []
    assert len({*one.values(), *two.values(), *three.values()}) == 3
    # This is what TensorFlow mixes up.
    assert three == four
    assert _private.groups_of_devices(tf.distribute.get_strategy()) == {}


@on_tensorflow
@pytest.mark.parametrize("is_quiet", [False, True])
def test_trace_quietly(is_quiet, caplog, monkeypatch):
    """TensorFlow warns of several models that are traced once each."""
    from tensorflow.python.eager.polymorphic_function import (
        polymorphic_function as tracing,
    )

    # It warns twice in a process; here it has not yet.
    monkeypatch.setattr(
        tracing,
        "_frequent_tracing_detector_manager",
        tracing._FrequentTracingDetectorManager(),
    )
    x, y = np.ones((4, 2)), np.ones((4, 1))
    for _ in range(7):
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        model.compile("sgd", "mse")
        for make, function in (
            (model.make_train_function, lambda m: m.train_function),
            (model.make_predict_function, lambda m: m.predict_function),
        ):
            make()
            if is_quiet:
                _private.trace_quietly(function(model))
        model.train_on_batch(x, y)
        model.fit(x, y, verbose=0)
        model.predict_on_batch(x)
    warned = [r for r in caplog.records if "retracing" in r.getMessage()]
    assert bool(warned) != is_quiet
