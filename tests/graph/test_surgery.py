"""Flatten, split and tap: same numbers, shared weights, model untouched."""

import keras
import numpy as np
import pytest
from graph_models import (
    IDS,
    MODELS,
    chain,
    masked,
    masked_nested,
    nested,
    nested_on_another_shape,
)

from keras_transfer import graph

layers = keras.layers


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


def test_split_and_tap_by_block_and_by_its_name():
    model, data = nested()
    found = graph.blocks(model)
    names = [block.name for block in found]
    expected = numbers(graph.tap(model, range(len(found)))(data))
    for references in (found, names):
        assert_same(graph.tap(model, references)(data), expected)
    for reference in (found[0], names[0]):
        prefix, suffix = graph.split(model, reference)
        assert_same(prefix(data), expected[0])
        assert_same(suffix(prefix(data)), model(data))


def test_blocks_of_a_part_are_found_in_the_whole():
    backbone, data = chain()
    whole = keras.Sequential([backbone, layers.Dense(2, name="head")])
    block = graph.blocks(backbone)[0]
    assert_same(graph.tap(whole, [block])(data), backbone.layers[0](data))


def test_a_layer_named_like_a_block_comes_first():
    inputs = keras.Input((3,))
    x = layers.Dense(4, name="first")(inputs)
    x = layers.Dense(5, name="dense_1")(x)
    model = keras.Model(inputs, layers.Dense(2, name="last")(x))
    (features,) = graph.tap(model, ["dense_1"]).outputs
    assert features.shape == (None, 5)


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
    with pytest.raises(ValueError, match="is of another model"):
        graph.split(model, graph.cut_points(other)[0])
