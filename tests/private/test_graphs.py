"""Probes of the private names of functional graphs."""

import keras

from keras_transfer import _private


def test_functional_graph(small_functional):
    model = small_functional()
    assert _private.functional_graph(model) is model
    built = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    assert _private.functional_graph(built).outputs == built.outputs
    unbuilt = keras.Sequential([keras.layers.Dense(3)])
    assert _private.functional_graph(unbuilt) is None

    class Subclass(keras.Model):
        def call(self, inputs):
            return inputs

    assert _private.functional_graph(Subclass()) is None


def test_runs_its_graph(small_functional):
    class Doubles(type(small_functional())):
        def call(self, inputs, training=None, mask=None):
            return 2 * super().call(inputs, training, mask)

    x = keras.Input((4,))
    assert _private.runs_its_graph(small_functional())
    assert _private.runs_its_graph(keras.Sequential([keras.layers.Dense(3)]))
    assert not _private.runs_its_graph(Doubles(x, keras.layers.Dense(3)(x)))


def test_graph_nodes_and_node_call(small_functional):
    model = small_functional()
    calls = [_private.node_call(node) for node in _private.graph_nodes(model)]
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
    _private.record_call(layer, (x,), {}, [output])
    assert _private.tensor_source(output) is layer
    assert keras.Model(x, output).layers[-1] is layer


def test_takes_training():
    assert _private.takes_training(keras.layers.Dropout(0.5))
    assert not _private.takes_training(keras.layers.ReLU())
    raw = _private.tensor_source(keras.ops.relu(keras.Input((4,))))
    assert not _private.takes_training(raw)


def test_get_mask_and_set_mask():
    ids = keras.Input((5,), dtype="int32")
    embedded = keras.layers.Embedding(9, 2, mask_zero=True)(ids)
    mask = _private.get_mask(embedded)
    assert tuple(mask.shape) == (None, 5)
    assert _private.get_mask(ids) is None
    _private.set_mask(ids, mask)
    assert _private.get_mask(ids) is mask
