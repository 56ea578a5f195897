"""Cut points: which tensors everything later passes through."""

import keras
import numpy as np
import pytest

from keras_transfer import graph

pytestmark = pytest.mark.any_backend

layers = keras.layers


def names(model):
    return [cut.name for cut in graph.cut_points(model)]


def test_chain_is_cut_after_every_layer():
    model = keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dense(3, name="a"),
            layers.ReLU(name="b"),
            layers.Dense(2, name="c"),
        ]
    )
    cuts = graph.cut_points(model)
    assert [cut.name for cut in cuts] == ["a", "b", "c"]
    assert [cut.index for cut in cuts] == [0, 1, 2]
    assert [cut.shape for cut in cuts] == [(None, 3), (None, 3), (None, 2)]
    assert cuts[0].operation is model.get_layer("a")
    assert all(not cut.side and not cut.masked for cut in cuts)


def test_no_cut_inside_a_residual_block():
    x = keras.Input((8,))
    first = layers.Dense(4, name="first")(x)
    inner = layers.Dense(4, name="inner")(first)
    total = layers.Add(name="total")([first, inner])
    model = keras.Model(x, layers.Dense(2, name="last")(total))
    assert names(model) == ["first", "total", "last"]


def test_raw_operations_are_cuts_too():
    x = keras.Input((4,))
    y = keras.ops.sigmoid(layers.Dense(3, name="a")(x))
    model = keras.Model(x, layers.Dense(2, name="b")(y * y))
    assert len(names(model)) == 4
    assert names(model)[0] == "a"


def test_second_call_of_a_layer_has_its_own_name():
    x = keras.Input((4,))
    shared = layers.Dense(4, name="shared")
    assert names(keras.Model(x, shared(shared(x)))) == ["shared", "shared#2"]


def test_no_cut_before_two_inputs_meet():
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    left = layers.Dense(3, name="left")(a)
    right = layers.Dense(3, name="right")(b)
    both = layers.Concatenate(name="both")([left, right])
    model = keras.Model({"a": a, "b": b}, layers.Dense(2, name="end")(both))
    assert names(model) == ["both", "end"]


def test_no_cut_at_the_end_of_a_model_with_two_outputs():
    x = keras.Input((4,))
    body = layers.Dense(3, name="body")(x)
    model = keras.Model(x, [layers.Dense(2)(body), layers.Dense(1)(body)])
    assert names(model) == ["body"]


def test_padding_mask_may_pass_beside_a_cut():
    ids = keras.Input((5,), dtype="int32", name="ids")
    keep = keras.Input((5,), dtype="bool", name="keep")
    x = layers.Embedding(10, 4, name="embed")(ids)
    mask = keras.ops.expand_dims(keep, 1)
    x = layers.MultiHeadAttention(1, 4, name="a")(x, x, attention_mask=mask)
    x = layers.MultiHeadAttention(1, 4, name="b")(x, x, attention_mask=mask)
    cuts = graph.cut_points(keras.Model({"ids": ids, "keep": keep}, x))
    assert [cut.name for cut in cuts] == ["embed", "a", "b"]
    assert [len(cut.side) for cut in cuts] == [1, 1, 0]


def test_an_image_may_not_pass_beside_a_cut():
    image = keras.Input((8, 8, 3))
    x = layers.Conv2D(3, 3, padding="same", name="conv")(image)
    x = layers.Add(name="skip")([x, image])
    assert names(keras.Model(image, x)) == ["skip"]


def test_nested_models_are_looked_into():
    inner = keras.Sequential(
        [keras.Input((4,)), layers.Dense(3, name="p"), layers.ReLU(name="q")],
        name="inner",
    )
    x = keras.Input((4,))
    model = keras.Model(x, layers.Dense(2, name="r")(inner(x)))
    assert names(model) == ["p", "q", "r"]


class Opaque(keras.Model):
    """A subclassed model, which has no graph."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = layers.Dense(3)

    def call(self, inputs):
        return self.dense(inputs)


def test_nested_subclassed_model_is_one_layer():
    x = keras.Input((4,))
    model = keras.Model(x, layers.Dense(2, name="r")(Opaque(name="o")(x)))
    assert names(model) == ["o", "r"]


def test_cutting_adds_nothing_to_the_graph():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3)])
    before = len(model.layers[0]._inbound_nodes)
    graph.cut_points(model)
    assert len(model.layers[0]._inbound_nodes) == before


def test_subclassed_model_is_refused():
    model = Opaque(name="mine")
    model(np.zeros((1, 4)))
    with pytest.raises(ValueError, match="'mine' of type Opaque"):
        graph.cut_points(model)


def test_unbuilt_sequential_is_refused():
    model = keras.Sequential([layers.Dense(3)], name="late")
    with pytest.raises(ValueError, match="'late' is not built yet"):
        graph.cut_points(model)


@pytest.mark.parametrize(
    "name, expected",
    [("MobileNetV2", 73), ("ResNet50", 38), ("VGG16", 18)],
)
def test_known_counts(name, expected):
    constructor = getattr(keras.applications, name)
    model = constructor(
        include_top=False, weights=None, input_shape=(32, 32, 3)
    )
    assert len(graph.cut_points(model)) == expected
