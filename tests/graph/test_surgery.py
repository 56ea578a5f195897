"""Flatten, split and tap: same numbers, shared weights, model untouched."""

import keras
import numpy as np
import pytest

from keras_transfer import graph

layers = keras.layers
IDS = np.array([[1, 2, 3, 0, 0], [4, 5, 0, 0, 0]], "int32")


def numbers(outputs):
    flat = keras.tree.flatten(outputs)
    return [keras.ops.convert_to_numpy(output) for output in flat]


def assert_close(found, expected, tolerance=1e-6):
    found, expected = numbers(found), numbers(expected)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, tolerance, tolerance)


def assert_same(found, expected):
    exact = keras.backend.backend() == "tensorflow"
    assert_close(found, expected, tolerance=0 if exact else 1e-6)


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


@pytest.mark.parametrize("make", MODELS)
def test_flatten(make):
    model, data = make()
    flat = graph.flatten(model)
    assert not any(isinstance(layer, keras.Model) for layer in flat.layers)
    assert_same(flat(data), model(data))
    assert {id(v) for v in flat.variables} == {id(v) for v in model.variables}
    assert [x.shape for x in flat.outputs] == [x.shape for x in model.outputs]


@pytest.mark.parametrize("make", MODELS)
def test_split_at_every_cut(make):
    model, data = make()
    expected = model(data)
    cuts = graph.cut_points(model)
    assert cuts
    for cut in cuts:
        prefix, suffix = graph.split(model, cut)
        # As plain arrays: masks do not get across by themselves.
        features = numbers(prefix(data))
        features = features if len(features) > 1 else features[0]
        assert_same(suffix(features), expected)
        assert type(prefix) is type(suffix) is type(graph.flatten(model))


@pytest.mark.parametrize("make", MODELS)
def test_model_is_left_as_it_was(make, tmp_path):
    model, data = make()
    config = model.get_config()
    inbound = [len(layer._inbound_nodes) for layer in model.layers]
    graph.blocks(model)
    if make is not masked_nested and make is not nested_on_another_shape:
        assert inbound == [len(x._inbound_nodes) for x in model.layers]
    graph.flatten(model)
    for cut in graph.cut_points(model):
        graph.split(model, cut)
        graph.tap(model, [cut])
    assert model.get_config() == config
    model.save(tmp_path / "model.keras")
    assert_same(
        keras.saving.load_model(tmp_path / "model.keras")(data), model(data)
    )


def test_tap_returns_the_tensors_at_the_cuts():
    model, data = chain()
    hidden, output = graph.tap(model, graph.cut_points(model))(data)
    assert_same(hidden, model.layers[0](data))
    assert_same(output, model(data))


def test_tap_of_one_cut_returns_its_tensor():
    model, data = chain()
    assert_same(graph.tap(model, [0])(data), model.layers[0](data))


def test_split_by_block_index_and_by_name():
    model, _ = chain()
    name = model.layers[0].name
    for cut in (0, -2, np.int64(0), name, graph.blocks(model)[0].output):
        prefix, suffix = graph.split(model, cut)
        assert prefix.layers[-1] is model.layers[0]
        assert suffix.layers[-1] is model.layers[1]


def test_split_after_a_nested_model():
    model, data = nested()
    prefix, suffix = graph.split(model, "middle")
    assert suffix.layers[-1] is model.layers[-1]
    assert_same(suffix(prefix(data)), model(data))


def test_cut_of_a_part_is_found_in_the_whole():
    backbone, _ = chain()
    whole = keras.Sequential([backbone, layers.Dense(2, name="head")])
    for model in (whole, graph.flatten(whole)):
        prefix, _ = graph.split(model, graph.cut_points(backbone)[0])
        assert prefix.layers[-1] is backbone.layers[0]


def test_suffix_trains_the_weights_of_the_model():
    model, _ = chain()
    _, suffix = graph.split(model, 0)
    frozen = numbers(model.layers[0].weights)
    before = numbers(model.layers[1].weights)
    suffix.compile(keras.optimizers.SGD(0.1), "mse")
    suffix.fit(np.ones((2, 3)), np.ones((2, 2)), verbose=0)
    assert_same(model.layers[0].weights, frozen)
    assert not np.array_equal(numbers(model.layers[1].weights)[0], before[0])


def test_training_flag_of_a_nested_call_is_kept():
    inner = keras.Sequential([keras.Input((4,)), layers.Dropout(0.5)])
    x = keras.Input((4,))
    model = keras.Model(x, inner(x, training=True))
    data = np.ones((50, 4), "float32")
    assert (numbers(graph.flatten(model)(data))[0] == 0).any()
    model = keras.Model(x, inner(x, training=False))
    assert_same(graph.flatten(model)(data), data)


def test_mask_reaches_the_loss_behind_a_cut():
    ids = keras.Input((5,), dtype="int32")
    x = layers.Embedding(10, 4, mask_zero=True, name="e")(ids)
    model = keras.Model(ids, layers.Dense(1)(layers.Dense(3)(x)))
    prefix, suffix = graph.split(model, "e")
    target = np.arange(10.0).reshape(2, 5, 1)
    for each in (model, suffix):
        each.compile("sgd", "mse")
    expected = model.evaluate(IDS, target, verbose=0)
    features = prefix.predict(IDS, verbose=0)
    found = suffix.evaluate(features, target, verbose=0)
    assert found == pytest.approx(expected, rel=1e-6)


def test_prefix_and_suffix_can_be_saved(tmp_path):
    model, data = masked()
    for index, part in enumerate(graph.split(model, 0)):
        part.save(tmp_path / f"{index}.keras")
    prefix, suffix = (
        keras.saving.load_model(tmp_path / f"{index}.keras") for index in (0, 1)
    )
    assert_same(suffix(prefix.predict(data, verbose=0)), model(data))


@pytest.mark.parametrize(
    "cut, error, message",
    [
        ("dens", ValueError, "no operation named 'dens'.*'dense'"),
        ("inner", ValueError, "cannot be cut at 'inner'.*inside a branch"),
        (9, IndexError, "no block with index 9"),
    ],
)
def test_errors_name_what_is_there(cut, error, message):
    x = keras.Input((4,))
    first = layers.Dense(4, name="dense")(x)
    total = layers.Add()([first, layers.Dense(4, name="inner")(first)])
    with pytest.raises(error, match=message):
        graph.split(keras.Model(x, total), cut)


def test_cut_of_another_model_is_refused():
    model, _ = chain()
    other, _ = chain()
    with pytest.raises(ValueError, match="The model has no operation named"):
        graph.split(model, graph.cut_points(other)[0])
