"""One probe for each private Keras name that the package uses."""

import keras
import numpy as np

from keras_transfer import _private as private


def small_functional():
    x = keras.Input((4,))
    hidden = keras.layers.Dense(3, name="hidden")(x)
    output = keras.layers.Dropout(0.5, name="drop")(hidden, training=False)
    return keras.Model(x, output)


def test_functional_graph():
    model = small_functional()
    assert private.functional_graph(model) is model
    built = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    assert private.functional_graph(built).outputs == built.outputs
    unbuilt = keras.Sequential([keras.layers.Dense(3)])
    assert private.functional_graph(unbuilt) is None

    class Subclass(keras.Model):
        def call(self, inputs):
            return inputs

    assert private.functional_graph(Subclass()) is None


def test_runs_its_graph():
    class Doubles(type(small_functional())):
        def call(self, inputs, training=None, mask=None):
            return 2 * super().call(inputs, training, mask)

    x = keras.Input((4,))
    assert private.runs_its_graph(small_functional())
    assert private.runs_its_graph(keras.Sequential([keras.layers.Dense(3)]))
    assert not private.runs_its_graph(Doubles(x, keras.layers.Dense(3)(x)))


def test_graph_nodes_and_node_call():
    model = small_functional()
    calls = [private.node_call(node) for node in private.graph_nodes(model)]
    names = [operation.name for operation, *_ in calls]
    assert names == ["hidden", "drop"]
    _, args, kwargs, outputs = calls[1]
    assert args[0] is calls[0][3][0]
    assert kwargs["training"] is False
    assert outputs[0] is model.output


def test_record_call_and_tensor_source():
    layer = keras.layers.Dense(3)
    x = keras.Input((4,))
    layer(x)
    output = keras.KerasTensor((None, 3))
    private.record_call(layer, (x,), {}, [output])
    assert private.tensor_source(output) is layer
    assert keras.Model(x, output).layers[-1] is layer


def test_takes_training():
    assert private.takes_training(keras.layers.Dropout(0.5))
    assert not private.takes_training(keras.layers.ReLU())
    raw = private.tensor_source(keras.ops.relu(keras.Input((4,))))
    assert not private.takes_training(raw)


def test_get_mask_and_set_mask():
    ids = keras.Input((5,), dtype="int32")
    embedded = keras.layers.Embedding(9, 2, mask_zero=True)(ids)
    mask = private.get_mask(embedded)
    assert tuple(mask.shape) == (None, 5)
    assert private.get_mask(ids) is None
    private.set_mask(ids, mask)
    assert private.get_mask(ids) is mask


def test_seed_states():
    inputs = keras.Input((4,))
    x = keras.layers.Dropout(0.5, seed=3)(inputs)
    model = keras.Model(inputs, keras.layers.Dense(2)(x))
    (state,) = private.seed_states(keras.Sequential([model]))
    assert keras.ops.convert_to_numpy(state).tolist() == [3, 0]
    model(keras.ops.ones((1, 4)), training=True)
    assert keras.ops.convert_to_numpy(state).tolist() == [3, 1]
    assert private.seed_states(keras.layers.Dense(2)) == []


def test_start_at_epoch_and_epoch_to_start_at():
    model = small_functional()
    assert private.epoch_to_start_at(model) is None
    model.compile("sgd", "mse")
    x, y = keras.ops.ones((4, 4)), keras.ops.ones((4, 3))

    class Late(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            private.start_at_epoch(self.model, 2)

    history = model.fit(x, y, epochs=3, verbose=0, callbacks=[Late()])
    assert history.epoch == [2]
    assert private.epoch_to_start_at(model) == 2


def test_is_higher_better():
    model = small_functional()
    model.compile("sgd", "mse", metrics=["mae", "r2_score"])
    model.evaluate(keras.ops.ones((4, 4)), keras.ops.ones((4, 3)), verbose=0)
    assert not private.is_higher_better(model, "val_loss")
    assert not private.is_higher_better(model, "mae")
    assert private.is_higher_better(model, "val_r2_score")


def test_draws_random_numbers():
    assert private.draws_random_numbers(keras.layers.Dropout(0.5))
    assert not private.draws_random_numbers(keras.layers.Dense(3))


def test_wrapped_optimizers():
    inner = keras.optimizers.SGD()
    outer = keras.optimizers.LossScaleOptimizer(inner)
    assert private.wrapped_optimizers(outer) == [outer, inner]
    assert private.wrapped_optimizers(inner) == [inner]


def test_made_again_and_was_made_in():
    optimizer = keras.optimizers.AdamW(0.1, weight_decay=0.2)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    fresh = private.made_again(optimizer)
    assert fresh is not optimizer
    assert fresh.get_config() == optimizer.get_config()
    bias = keras.Variable(np.zeros(2), name="bias")
    assert not fresh._use_weight_decay(bias)
    outer = keras.optimizers.LossScaleOptimizer(optimizer)
    inner = private.made_again(outer).inner_optimizer
    assert inner is not optimizer and not inner._use_weight_decay(bias)
    assert not private.was_made_in("a strategy", optimizer)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        strategy = tf.distribute.get_strategy()
        assert private.was_made_in(strategy, optimizer)


def test_forget_functions():
    model = small_functional()
    model.compile("sgd", "mse")
    x, y = keras.ops.ones((4, 4)), keras.ops.ones((4, 3))
    model.fit(x, y, verbose=0)
    before = model.train_function
    private.forget_functions(model)
    model.fit(x, y, verbose=0)
    assert model.train_function not in (None, before)


def test_compiled_loss_and_compiled_metrics():
    model = small_functional()
    model.compile("sgd", "mse", metrics=["mae"])
    x, y = keras.ops.ones((4, 4)), keras.ops.ones((4, 3))
    model.fit(x, y, verbose=0)
    loss = private.compiled_loss(model)(y, model(x))
    assert float(loss) >= 0
    assert private.compiled_metrics(model) in model.metrics
    other = small_functional()
    other.compile("sgd")
    assert private.compiled_loss(other) is None


def test_losses_of_call():
    seen = []

    class Looking(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(3, activity_regularizer="l2")

        def call(self, inputs):
            return self.dense(inputs)

        def compute_loss(self, x, y, y_pred, sample_weight=None, **kwargs):
            seen.append(len(private.losses_of_call(self)))
            return super().compute_loss(x, y, y_pred, sample_weight, **kwargs)

    model = Looking()
    model.compile("sgd", "mse")
    model.fit(keras.ops.ones((4, 4)), keras.ops.ones((4, 3)), verbose=0)
    carried = keras.backend.backend() == "jax"
    assert seen[-1] == (1 if carried else 0)


def test_unscaled_loss():
    value = keras.ops.convert_to_tensor(2.0)
    assert float(private.unscaled_loss(value)) == 2.0
