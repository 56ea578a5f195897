"""Model files: whole or as before, and errors that name them."""

import errno
import json

import h5py
import keras
import numpy as np
import pytest

import keras_transfer as kt
from keras_transfer.storage import files

layers = keras.layers


def test_a_full_disk_leaves_the_earlier_model_and_says_so(
    tmp_path, tiny_cnn, monkeypatch
):
    path = tmp_path / "model.keras"
    files.save_model(tiny_cnn(), path)
    before = path.read_bytes()

    def full(self, target, *args, **kwargs):
        target.write_bytes(b"half a model")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(keras.Model, "save", full)
    with pytest.raises(OSError, match=r"No space left.*unchanged"):
        files.save_model(tiny_cnn(), path)
    assert path.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


def test_load_model_names_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no model file at .*x\.keras"):
        files.load_model(tmp_path / "x.keras")


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04 cut"])
def test_load_model_says_that_a_file_is_unreadable(tmp_path, content):
    path = tmp_path / "x.keras"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="cannot be read"):
        files.load_model(path)


def test_load_model_reads_what_was_saved(tmp_path, tiny_cnn):
    model = tiny_cnn()
    files.save_model(model, tmp_path / "x.keras")
    again = files.load_model(tmp_path / "x.keras")
    for a, b in zip(model.get_weights(), again.get_weights(), strict=True):
        assert (a == b).all()


def source_with(layer):
    """A classifier whose first layer is given."""
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, name="conv")(layer(inputs))
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(5)(x))


def outputs(model):
    x = np.random.default_rng(0).normal(size=(2, *model.input_shape[1:]))
    return model.predict(x.astype("float32"), verbose=0)


def test_a_lambda_is_read_where_the_file_is_trusted(tmp_path):
    path = tmp_path / "old.keras"
    model = source_with(layers.Lambda(lambda pixels: pixels / 127.5 - 1))
    model.save(path)
    with pytest.raises(ValueError, match=r"kt\.load_model\(.*safe_mode=False"):
        kt.TransferModel(path, head=3)
    again = kt.load_model(path, safe_mode=False)
    np.testing.assert_allclose(outputs(again), outputs(model), atol=1e-6)
    target = kt.TransferModel(again, head=3)
    np.testing.assert_allclose(
        outputs(target.clone()), outputs(target), atol=1e-6
    )
    assert kt.TransferModel(again, head=3, input_shape=(12, 12, 3)).built


class Doubled(layers.Layer):
    def call(self, inputs):
        return 2 * inputs


def test_layers_of_ones_own_are_named(tmp_path):
    path = tmp_path / "own.keras"
    model = source_with(Doubled())
    model.save(path)
    with pytest.raises(ValueError, match="custom_objects="):
        kt.load_model(path)
    again = kt.load_model(path, custom_objects={"Doubled": Doubled})
    np.testing.assert_allclose(outputs(again), outputs(model), atol=1e-6)
    target = kt.TransferModel(again, head=3)
    np.testing.assert_allclose(
        outputs(target.clone()), outputs(target), atol=1e-6
    )


def convolutions():
    inputs = keras.Input((8, 8, 3))
    x = layers.DepthwiseConv2D(3)(inputs)
    x = layers.SeparableConv2D(4, 3)(x)
    return keras.Model(inputs, layers.Conv2D(4, 3, groups=2)(x))


def recurrence():
    inputs = keras.Input((5, 3))
    return keras.Model(inputs, layers.LSTM(4)(inputs))


OLDER = {
    "groups": (convolutions, {"groups": 1}, "DepthwiseConv2D"),
    "time_major": (recurrence, {"time_major": False}, "LSTM"),
}


def save_as_older(model, path, added):
    """Writes an `.h5` file as an older Keras did, with more in its config."""
    model.save(path)
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        for layer in config["config"]["layers"]:
            if layer["class_name"] not in ("InputLayer", "Conv2D"):
                layer["config"] |= added
        file.attrs["model_config"] = json.dumps(config)


@pytest.mark.parametrize("key", OLDER)
def test_what_older_files_say_in_vain_is_left_out(key, tmp_path, capsys):
    make, added, kind = OLDER[key]
    model = make()
    save_as_older(model, tmp_path / "old.h5", added)
    again = kt.load_model(tmp_path / "old.h5")
    told = capsys.readouterr().out
    assert told.count("\n") == 1
    assert f"{key}={added[key]} of {kind} (1x)" in told
    assert [type(x) for x in again.layers] == [type(x) for x in model.layers]
    np.testing.assert_allclose(outputs(again), outputs(model), atol=1e-6)


def test_what_older_files_mean_is_not_left_out(tmp_path):
    save_as_older(convolutions(), tmp_path / "old.h5", {"groups": 3})
    with pytest.raises(ValueError, match="'groups': 3"):
        kt.load_model(tmp_path / "old.h5")


FOLDERS = {
    "a SavedModel": ("saved_model.pb", "TFSMLayer.*cannot be trained"),
    "a run": ("model.keras", "model of this run is .*model.keras"),
    "anything else": ("notes.txt", "no model.keras in it"),
}


@pytest.mark.parametrize("kind", FOLDERS)
def test_a_folder_is_no_model_file(kind, tmp_path):
    name, message = FOLDERS[kind]
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(ValueError, match=message):
        kt.TransferModel(str(tmp_path), head=3)
