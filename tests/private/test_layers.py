"""Probes of the private names of layers and models."""

import keras
import numpy as np
import pytest
from keras import layers
from keras.ops import convert_to_numpy as to_numpy
from keras.ops import ones

from keras_transfer import _private


def test_seed_states():
    inputs = keras.Input((4,))
    x = keras.layers.Dropout(0.5, seed=3)(inputs)
    model = keras.Model(inputs, keras.layers.Dense(2)(x))
    (state,) = _private.seed_states(keras.Sequential([model]))
    assert keras.ops.convert_to_numpy(state).tolist() == [3, 0]
    model(keras.ops.ones((1, 4)), training=True)
    assert keras.ops.convert_to_numpy(state).tolist() == [3, 1]
    assert _private.seed_states(keras.layers.Dense(2)) == []


@pytest.mark.parametrize(
    "layer, draws",
    [
        (lambda: layers.Dropout(0.5), True),
        (lambda: layers.Dropout(0), False),
        (lambda: layers.Dense(3), False),
        (lambda: layers.GaussianNoise(0.1), True),
        (lambda: layers.GaussianNoise(0.0), False),
        (lambda: layers.LSTM(3), False),
        (lambda: layers.LSTM(3, recurrent_dropout=0.1), True),
        (lambda: layers.ConvLSTM2D(3, 2), False),
        (lambda: layers.Attention(dropout=0.1), True),
        (lambda: layers.RandomFlip(), True),
        (lambda: layers.RandomBrightness(0.1), True),
    ],
)
def test_draws_random_numbers(layer, draws):
    leaves = _private.leaf_layers(layer())
    assert any(map(_private.draws_random_numbers, leaves)) == draws


@pytest.mark.parametrize("kind", ["dropout", "attention", "lstm"])
def test_infer_while_frozen(kind):
    layer, x = {
        "dropout": lambda: (layers.Dropout(0.5), (ones((2, 50)),)),
        "attention": lambda: (
            layers.MultiHeadAttention(2, 3, dropout=0.5),
            (ones((2, 5, 4)),) * 2,
        ),
        "lstm": lambda: (
            layers.LSTM(3, dropout=0.5, recurrent_dropout=0.5),
            (ones((2, 5, 4)),),
        ),
    }[kind]()
    before = to_numpy(layer(*x))
    for leaf in _private.leaf_layers(layer):
        _private.infer_while_frozen(leaf)
        _private.infer_while_frozen(leaf)  # Twice is once.
    assert (to_numpy(layer(*x, training=True)) != before).any()
    assert not _private.runs_in_inference(layer)
    layer.trainable = False
    seeds = list(map(to_numpy, _private.seed_states(layer)))
    assert (to_numpy(layer(*x, training=True)) == before).all()
    drawn = list(map(to_numpy, _private.seed_states(layer)))
    assert all(map(np.array_equal, drawn, seeds))
    assert _private.runs_in_inference(layer)
    copy = type(layer).from_config(layer.get_config())
    assert copy.get_config() == layer.get_config()


def test_what_takes_no_training_stays_as_it_is():
    layer = layers.Rescaling(0.5)
    _private.infer_while_frozen(layer)
    layer.trainable = False
    assert not _private.runs_in_inference(layer)


def names(layers):
    """The layers' names, once each, without those of inputs."""
    return [
        layer.name
        for layer in dict.fromkeys(layers)
        if not isinstance(layer, keras.layers.InputLayer)
    ]


class Scaled(keras.Model):
    """A model with a weight of its own besides those of its layers."""

    def __init__(self):
        super().__init__(name="scaled")
        self.dense = keras.layers.Dense(3, name="dense")
        self.scale = self.add_weight(shape=(), name="scale")

    def call(self, inputs):
        return self.scale * self.dense(inputs)


def grouped():
    """Returns a model of two dense layers, the first in a nested model."""
    x = keras.Input((4,))
    inner = keras.Model(x, keras.layers.Dense(3, name="a")(x), name="inner")
    y = keras.Input((4,))
    b = keras.layers.Dense(2, name="b")
    return keras.Model(y, b(inner(y)), name="outer")


def test_leaf_layers():
    assert names(_private.leaf_layers(grouped())) == ["a", "b"]
    assert names(_private.leaf_layers(Scaled())) == ["scaled", "dense"]
    attention = keras.layers.MultiHeadAttention(1, 2, name="attention")
    attention.build((None, 3, 4), (None, 3, 4))
    found = names(_private.leaf_layers(attention))
    # A composite layer comes first: the flags of its parts are set after it.
    assert found[0] == "attention"
    assert {"query", "key", "value"} < set(found)


def test_nested_models():
    assert names(_private.nested_models(grouped())) == ["outer", "inner"]
    assert _private.nested_models(keras.layers.Dense(2)) == []


def test_own_trainable_variables():
    norm = keras.layers.BatchNormalization()
    norm.build((None, 3))
    for flag in (True, False):
        norm.trainable = flag
        found = _private.own_trainable_variables(norm)
        assert [v.name for v in found] == ["gamma", "beta"]
    assert norm.trainable_variables == []
    # What belongs to a part is the part's own.
    model = Scaled()
    model.build((None, 4))
    found = _private.own_trainable_variables(model)
    assert [v.name for v in found] == ["scale"]
