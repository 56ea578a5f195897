"""What stood on disk before stays whole, whatever goes wrong."""

import pytest

from keras_transfer.storage import files

pytestmark = pytest.mark.any_backend


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


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    blocker = tmp_path / "file"
    blocker.write_text("")
    with (
        pytest.raises(OSError, match="Could not write"),
        files.replacing(blocker / "model.keras"),
    ):
        pass
