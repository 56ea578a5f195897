"""Digests of models: equal if and only if the models are."""

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
