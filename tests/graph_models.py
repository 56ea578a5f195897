"""Functional graphs of many kinds, each with inputs for it: for surgery."""

import keras
import numpy as np

layers = keras.layers
IDS = np.array([[1, 2, 3, 0, 0], [4, 5, 0, 0, 0]], "int32")


def chain():
    model = keras.Sequential(
        [keras.Input((4,)), layers.Dense(3, activation="relu"), layers.Dense(2)]
    )
    return model, np.ones((2, 4), "float32")


def nested():
    def inner():
        return keras.Sequential(
            [keras.Input((4,)), layers.Dense(4), layers.Dropout(0.5)]
        )

    x = keras.Input((4,))
    middle = keras.Model(x, keras.ops.tanh(inner()(x)) + x, name="middle")
    y = keras.Input((4,))
    out = layers.Dense(2)(middle(inner()(y), training=False))
    return keras.Model(y, out), np.ones((2, 4), "float32")


def nested_on_another_shape():
    inner = keras.Input((None, None, 3))
    inner = keras.Model(inner, layers.Conv2D(4, 3)(inner), name="inner")
    x = keras.Input((8, 8, 3))
    out = layers.Dense(2)(layers.Flatten()(inner(x)))
    return keras.Model(x, out), np.ones((2, 8, 8, 3), "float32")


def nested_of_another_type():
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(2)])
    x = keras.Input((4,), dtype="int32")
    return keras.Model(x, inner(x)), np.ones((2, 4), "int32")


def nested_in_half_precision():
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(4)])
    half = {"dtype": "mixed_float16"}
    x = keras.Input((4,))
    out = layers.Dense(2, **half)(inner(layers.Dense(4, **half)(x)))
    return keras.Model(x, out), np.ones((2, 4), "float32")


def same_names():
    def part():
        return keras.Sequential([keras.Input((4,)), layers.Dense(4, name="d")])

    x = keras.Input((4,))
    return keras.Model(x, part()(part()(x))), np.ones((2, 4), "float32")


def siamese():
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    encoder = keras.Sequential([keras.Input((4,)), layers.Dense(3)])
    out = layers.Dense(1)(layers.Concatenate()([encoder(a), encoder(b)]))
    data = {"a": np.ones((2, 4)), "b": np.zeros((2, 4))}
    return keras.Model({"a": a, "b": b}, out), data


def masked():
    ids = keras.Input((5,), dtype="int32")
    x = layers.Embedding(10, 4, mask_zero=True)(ids)
    x = layers.LSTM(6, return_sequences=True)(x)
    x = layers.LSTM(5)(layers.Dropout(0.1)(x))
    return keras.Model(ids, layers.Dense(3)(x)), IDS


def masked_nested():
    inner = keras.Sequential(
        [
            keras.Input((5, 4)),
            layers.LSTM(6, return_sequences=True),
            layers.GlobalAveragePooling1D(),
        ]
    )
    ids = keras.Input((5,), dtype="int32")
    x = layers.Embedding(10, 4, mask_zero=True)(ids)
    return keras.Model(ids, layers.Dense(3)(inner(x))), IDS


def mask_by_argument():
    ids = keras.Input((5,), dtype="int32", name="ids")
    keep = keras.Input((5,), dtype="bool", name="keep")
    x = layers.Embedding(10, 4)(ids)
    mask = keras.ops.expand_dims(keep, 1)
    for _ in range(2):
        y = layers.MultiHeadAttention(2, 4)(x, x, attention_mask=mask)
        x = layers.LayerNormalization()(x + y)
    model = keras.Model({"ids": ids, "keep": keep}, layers.Dense(2)(x))
    return model, {"ids": IDS, "keep": IDS != 0}


def several_outputs():
    x = keras.Input((4,))
    left, right = keras.ops.split(layers.Dense(6)(x), 2, axis=-1)
    body = layers.Dense(3)(left * right)
    outputs = {"p": layers.Dense(2)(body), "q": body}
    return keras.Model(x, outputs), np.ones((2, 4), "float32")


@keras.saving.register_keras_serializable("test_graph")
class Subclass(keras.Model):
    """Functional by its `__init__`, like the models of this package."""

    def __init__(self, units=3, **kwargs):
        x = keras.Input((4,))
        super().__init__(x, layers.Dense(units)(layers.Dense(5)(x)), **kwargs)
        self.units = units

    def get_config(self):
        return {"units": self.units}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


def subclass():
    return Subclass(), np.ones((2, 4), "float32")


MODELS = [
    chain,
    nested,
    nested_on_another_shape,
    nested_of_another_type,
    nested_in_half_precision,
    same_names,
    siamese,
    masked,
    masked_nested,
    mask_by_argument,
    several_outputs,
    subclass,
]
