"""Blocks of recurrent and self-attention nets, against hand-written lists."""

import keras
import pytest
from small_nets import weighted_layers

from keras_transfer import graph

pytestmark = pytest.mark.any_backend

layers = keras.layers


def test_recurrent_network():
    model = keras.Sequential(
        [
            keras.Input((6,), dtype="int32"),
            layers.Embedding(10, 4, mask_zero=True, name="e"),
            layers.Bidirectional(
                layers.LSTM(3, return_sequences=True), name="b"
            ),
            layers.Dropout(0.1),
            layers.GRU(3, name="g"),
            layers.Dense(2, name="d"),
        ]
    )
    assert weighted_layers(model) == [["e"], ["b"], ["g"], ["d"]]


def attention(x, name, mask=None):
    layer = layers.MultiHeadAttention(2, 4, name=f"{name}_attention")
    return layer(x, x, attention_mask=mask)


def feed_forward(x, name):
    x = layers.Dense(16, activation="gelu", name=f"{name}_up")(x)
    return layers.Dense(8, name=f"{name}_down")(x)


def norm(x, name):
    return layers.LayerNormalization(name=name)(x)


def pre_norm_encoder(x, name):
    x = layers.Add()([x, attention(norm(x, f"{name}_ln1"), name)])
    return layers.Add()([x, feed_forward(norm(x, f"{name}_ln2"), name)])


def post_norm_encoder(x, name):
    x = norm(layers.Add()([x, attention(x, name)]), f"{name}_ln1")
    return norm(layers.Add()([x, feed_forward(x, name)]), f"{name}_ln2")


@pytest.mark.parametrize("encoder", [pre_norm_encoder, post_norm_encoder])
def test_transformer_encoder(encoder):
    x = start = keras.Input((16, 16, 3))
    x = layers.Conv2D(8, 4, 4, name="patches")(x)
    x = layers.Reshape((16, 8))(x)
    for name in ("t1", "t2"):
        x = encoder(x, name)
    x = norm(x, "final")
    model = keras.Model(start, x)
    expected = {"ln1", "ln2", "attention", "up", "down"}
    assert [set(names) for names in weighted_layers(model)] == [
        {"patches"},
        {f"t1_{part}" for part in expected},
        {f"t2_{part}" for part in expected} | {"final"},
    ]


def test_token_encoder_with_a_mask():
    ids = keras.Input((5,), dtype="int32", name="ids")
    keep = keras.Input((5,), dtype="int32", name="keep")
    x = layers.Embedding(10, 8, name="embed")(ids)
    x = norm(x, "embed_ln")
    mask = keras.ops.expand_dims(keras.ops.cast(keep, "bool"), 1)
    for name in ("t1", "t2"):
        x = norm(layers.Add()([x, attention(x, name, mask)]), f"{name}_ln1")
        x = norm(layers.Add()([x, feed_forward(x, name)]), f"{name}_ln2")
    blocks = graph.blocks(keras.Model({"ids": ids, "keep": keep}, x))
    assert [block.name for block in blocks] == ["embed", "t1", "t2"]
    assert [len(block.output.side) for block in blocks] == [1, 1, 0]


class EncoderLayer(layers.Layer):
    """One layer that holds a whole encoder, as in KerasHub."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.attention = layers.MultiHeadAttention(2, 4)
        self.dense = layers.Dense(8)

    def build(self, shape):
        self.attention.build(shape, shape)
        self.dense.build(shape)

    def call(self, inputs, padding_mask=None):
        mask = keras.ops.expand_dims(padding_mask, 1)
        x = self.attention(inputs, inputs, attention_mask=mask)
        return inputs + self.dense(inputs + x)


class PositionEmbedding(layers.Embedding):
    """Adds nothing but its type name."""


def test_encoders_in_one_layer_each():
    ids = keras.Input((5,), dtype="int32", name="ids")
    keep = keras.Input((5,), dtype="int32", name="keep")
    tokens = layers.Embedding(10, 8, name="tokens")(ids)
    kinds = PositionEmbedding(3, 8, name="kinds")(keep)
    x = norm(layers.Add()([tokens, kinds]), "embed_ln")
    for name in ("layer_0", "layer_1"):
        x = EncoderLayer(name=name)(x, padding_mask=keep)
    x = norm(x, "final")
    assert weighted_layers(keras.Model({"ids": ids, "keep": keep}, x)) == [
        ["tokens", "kinds", "embed_ln"],
        ["layer_0"],
        ["layer_1", "final"],
    ]


def test_attention_spelled_out_in_raw_operations():
    x = start = keras.Input((5, 8))
    x = layers.Dense(8, name="in")(x)
    q, k, v = (layers.Dense(8, name=f"t_{n}")(x) for n in "qkv")
    scores = keras.ops.softmax(
        keras.ops.matmul(q, keras.ops.transpose(k, (0, 2, 1)))
    )
    x = layers.Add()([x, keras.ops.matmul(scores, v)])
    x = layers.Add()([x, feed_forward(x, "t")])
    blocks = graph.blocks(keras.Model(start, x))
    assert [block.name for block in blocks] == ["in", "t"]
