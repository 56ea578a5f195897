"""What stood on disk before stays whole, whatever goes wrong."""

import errno

import keras
import pytest

from keras_transfer.storage import files


def test_a_file_is_replaced_at_the_end(tmp_path):
    path = tmp_path / "new" / "a.txt"
    with files.replacing(path) as temporary:
        temporary.write_text("one")
        assert not path.exists()
    assert path.read_text() == "one"
    assert [p.name for p in path.parent.iterdir()] == ["a.txt"]


def test_a_folder_is_replaced_as_a_whole(tmp_path):
    path = tmp_path / "model"
    for name in ("first", "second"):
        with files.replacing(path) as temporary:
            temporary.mkdir()
            (temporary / name).write_text(name)
    assert [p.name for p in path.iterdir()] == ["second"]
    assert [p.name for p in tmp_path.iterdir()] == ["model"]


def test_an_exception_leaves_the_earlier_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("whole")
    with (
        pytest.raises(RuntimeError, match="boom"),
        files.replacing(path) as temporary,
    ):
        temporary.write_text("half")
        raise RuntimeError("boom")
    assert path.read_text() == "whole"
    assert len(list(tmp_path.iterdir())) == 1


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


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    blocker = tmp_path / "file"
    blocker.write_text("")
    with (
        pytest.raises(OSError, match="Could not write"),
        files.replacing(blocker / "model.keras"),
    ):
        pass


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
