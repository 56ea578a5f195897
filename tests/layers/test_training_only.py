"""`TrainingOnly` acts in training, and only there."""

import keras
import numpy as np
import pytest

import keras_transfer as kt


def doubling():
    return kt.TrainingOnly(keras.layers.Rescaling(2.0, name="twice"), name="t")


def test_acts_in_training_only():
    layer, x = doubling(), np.array([[1.0, -3.0]], "float32")
    trained = keras.ops.convert_to_numpy(layer(x, training=True))
    np.testing.assert_array_equal(trained, [[2.0, -6.0]])
    for training in (False, None):
        left = keras.ops.convert_to_numpy(layer(x, training=training))
        np.testing.assert_array_equal(left, x)


def test_config_and_weights_go_round(tmp_path):
    inner = keras.layers.Dense(3, bias_initializer="ones", name="inner")
    model = keras.Sequential([keras.Input((3,)), kt.TrainingOnly(inner)])
    model.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras")
    assert isinstance(again.layers[0], kt.TrainingOnly)
    assert again.layers[0].layer.name == "inner"
    for a, b in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    x = np.eye(3, dtype="float32")
    np.testing.assert_array_equal(
        keras.ops.convert_to_numpy(again(x, training=True)),
        keras.ops.convert_to_numpy(model(x, training=True)),
    )
    np.testing.assert_array_equal(again.predict(x, verbose=0), x)


def test_what_is_no_layer_is_refused():
    with pytest.raises(ValueError, match=r"Received: 'flip'.*Sequential"):
        kt.TrainingOnly("flip")
