"""Model files: whole or as before, and errors that name them."""

import errno

import keras
import pytest

from keras_transfer.storage import files


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
