"""Digests: equal if and only if what they are of is equal."""

import keras
import numpy as np
import pytest

import keras_transfer as kt
from keras_transfer import graph
from keras_transfer.storage import fingerprints

layers = keras.layers


def net(
    units=4, activation="tanh", names="a", dtype=None, nested=False, shared=True
):
    keras.utils.set_random_seed(1)
    inputs = x = keras.Input((3,), name=f"{names}_in")
    x = layers.Dense(units, activation, dtype=dtype, name=f"{names}_one")(x)
    inner = layers.Dense(units, name=f"{names}_two")
    if nested:
        start = keras.Input((units,), name=f"{names}_start")
        inner = keras.Model(start, inner(start), name=f"{names}_model")
    x = inner(x)
    if shared:
        x = inner(x)
    return keras.Model(inputs, x, name=f"{names}_net")


def test_names_do_not_count():
    assert fingerprints.of_model(net()) == fingerprints.of_model(net(names="b"))
    nested = net(nested=True)
    other = net(nested=True, names="b")
    assert fingerprints.of_model(nested) == fingerprints.of_model(other)


CHANGES = {
    "units": {"units": 5},
    "activation": {"activation": "relu"},
    "computed in other numbers": {"dtype": "mixed_bfloat16"},
    "called once": {"shared": False},
}


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("name", CHANGES)
def test_structure_counts(name, nested):
    changed = net(**CHANGES[name], nested=nested)
    same = fingerprints.of_model(net(nested=nested))
    assert fingerprints.of_model(changed) != same


def test_weights_count_to_the_last_bit():
    model = net()
    before = fingerprints.of_model(model)
    kernel = model.layers[1].kernel
    value = np.array(keras.ops.convert_to_numpy(kernel))
    changed = value.copy()
    changed[0, 0] = np.nextafter(changed[0, 0], np.float32(9))
    kernel.assign(changed)
    assert fingerprints.of_model(model) != before
    kernel.assign(value)
    assert fingerprints.of_model(model) == before


def test_which_tensor_comes_out_counts():
    model = net()
    middle = model.layers[1].output
    either = keras.Model(model.input, [model.output, middle])
    other = keras.Model(model.input, [middle, model.output])
    assert fingerprints.of_model(either) != fingerprints.of_model(other)


def test_flags_and_training_state_do_not_count():
    model = net()
    before = fingerprints.of_model(model)
    model.compile("adam", "mse")
    assert fingerprints.of_model(model) == before


@pytest.mark.parametrize("depth", [0, 1])
def test_preprocessing_counts(depth):
    from keras_transfer.feature_cache import boundary_at

    def prefix(preprocessing):
        model = kt.TransferModel(
            net(shared=False),
            head=2,
            preprocessing=preprocessing,
            output_layer="a_two",
        )
        return fingerprints.of_model(boundary_at(model, depth).prefix)

    assert prefix(layers.Rescaling(0.5)) == prefix(layers.Rescaling(0.5))
    assert prefix(layers.Rescaling(0.5)) != prefix(layers.Rescaling(0.25))
    assert prefix(layers.Rescaling(0.5)) != prefix(None)


def test_a_model_and_its_flat_copy_are_told_apart_only_by_nesting():
    model = net(nested=True)
    flat = graph.flatten(model)
    assert fingerprints.of_model(flat) == fingerprints.of_model(net())


ARRAYS = {
    "shape": (np.zeros((2, 3)), np.zeros((3, 2))),
    "type": (np.zeros(4, "int32"), np.zeros(4, "float32")),
    "value": (np.zeros(3), np.array([0.0, 0.0, 1e-300])),
    "missing": (np.zeros(2), None),
    "text": (np.array(["a", "b"]), np.array(["a", "c"])),
    "objects": (np.array(["a", 1], object), np.array(["a", 2], object)),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays(name):
    one, other = ARRAYS[name]
    assert fingerprints.of_arrays(one) != fingerprints.of_arrays(other)
    again = None if one is None else one.copy()
    assert fingerprints.of_arrays(one) == fingerprints.of_arrays(again)


def test_layout_in_memory_does_not_count():
    array = np.arange(12.0).reshape(3, 4)
    turned = np.asfortranarray(array)
    assert fingerprints.of_arrays(array) == fingerprints.of_arrays(turned)


def test_order_counts():
    a, b = np.zeros(2), np.ones(2)
    assert fingerprints.of_arrays(a, b) != fingerprints.of_arrays(b, a)
    assert fingerprints.of_arrays(a, b) == fingerprints.of_arrays((a, b))


def test_files(tmp_path):
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_bytes(b"x" * 3)
    second.write_bytes(b"y")
    before = fingerprints.of_files([first, second])
    assert fingerprints.of_files([first, second]) == before
    assert fingerprints.of_files([second, first]) != before
    first.write_bytes(b"x" * 2)
    assert fingerprints.of_files([first, second]) != before
    renamed = first.rename(tmp_path / "c")
    renamed.write_bytes(b"x" * 3)
    assert fingerprints.of_files([renamed, second]) != before


def test_a_text_counts_with_its_bytes():
    as_bytes = np.frombuffer("ü 1".encode(), "uint8")
    expected = fingerprints.of_arrays(as_bytes, np.arange(3))
    assert fingerprints.of_arrays("ü 1", np.arange(3)) == expected
    assert fingerprints.of_arrays("ü 2", np.arange(3)) != expected
