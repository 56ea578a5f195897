"""What stood on disk before stays whole, whatever goes wrong."""

import multiprocessing
import os
import time
import warnings

import pytest

from keras_transfer.storage import replacing as module
from keras_transfer.storage.exchange import exchange
from keras_transfer.storage.replacing import recover, replacing

pytestmark = pytest.mark.any_backend


def write_folder(path, text):
    with replacing(path) as temporary:
        temporary.mkdir()
        (temporary / "one").write_text(text)
        (temporary / "two").write_text(text)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def in_a_child(target, *arguments):
    """Runs a function in a fork of this process; returns its exit code."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        child = multiprocessing.get_context("fork").Process(
            target=target, args=arguments
        )
        child.start()
    child.join()
    return child.exitcode


@pytest.fixture(params=["exchange", "step aside"])
def way(request, monkeypatch):
    if request.param == "step aside":
        monkeypatch.setattr(module, "exchange", lambda one, other: False)
    return request.param


def test_a_file_is_replaced_at_the_end(tmp_path):
    path = tmp_path / "new" / "a.txt"
    with replacing(path) as temporary:
        temporary.write_text("one")
        assert not path.exists()
    assert path.read_text() == "one"
    assert names(path.parent) == ["a.txt"]


def test_a_folder_is_replaced_as_a_whole(tmp_path, way):
    path = tmp_path / "model"
    write_folder(path, "first")
    with replacing(path) as temporary:
        temporary.mkdir()
        (temporary / "second").write_text("second")
    assert names(path) == ["second"]
    assert names(tmp_path) == ["model"]


@pytest.mark.parametrize("old_is_folder", [True, False])
def test_a_file_and_a_folder_replace_each_other(tmp_path, way, old_is_folder):
    path = tmp_path / "it"
    if old_is_folder:
        write_folder(path, "old")
        with replacing(path) as temporary:
            temporary.write_text("new")
        assert path.read_text() == "new"
    else:
        path.write_text("old")
        write_folder(path, "new")
        assert (path / "one").read_text() == "new"
    assert names(tmp_path) == ["it"]


def test_an_exception_leaves_the_earlier_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("whole")
    with (
        pytest.raises(RuntimeError, match="boom"),
        replacing(path) as temporary,
    ):
        temporary.write_text("half")
        raise RuntimeError("boom")
    assert path.read_text() == "whole"
    assert names(tmp_path) == ["a.txt"]


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    blocker = tmp_path / "file"
    blocker.write_text("")
    with (
        pytest.raises(OSError, match="Could not write"),
        replacing(blocker / "model.keras"),
    ):
        pass


def test_what_cannot_be_synced_replaces_nothing(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    path.write_text("whole")

    def full(number):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with (
        pytest.raises(OSError, match=r"No space left.*make room"),
        replacing(path) as temporary,
    ):
        temporary.write_text("new")
    assert path.read_text() == "whole"


def killed_at(call, path):
    """Writes a folder and is killed when it calls a function of `os`."""
    setattr(os, call, lambda *arguments: os._exit(9))
    write_folder(path, "new")


def test_killed_before_it_moves_the_old_one_is_there(tmp_path):
    path = tmp_path / "model"
    write_folder(path, "old")
    assert in_a_child(killed_at, "fsync", path) == 9
    assert (path / "two").read_text() == "old"
    assert len(names(tmp_path)) == 2
    recover(tmp_path)
    assert names(tmp_path) == ["model"]


@pytest.mark.parametrize("ended_by", ["recover", "write"])
def test_killed_between_two_renames_a_whole_one_is_put_back(
    tmp_path, monkeypatch, ended_by
):
    monkeypatch.setattr(module, "exchange", lambda one, other: False)
    path = tmp_path / "model"
    write_folder(path, "old")
    assert in_a_child(killed_at, "rename", path) == 9
    assert not path.exists()
    if ended_by == "recover":
        recover(tmp_path)
        assert (path / "two").read_text() == "new"
    else:
        write_folder(tmp_path / "other", "x")
    assert (path / "one").read_text() == "new"
    assert not [name for name in names(tmp_path) if name.startswith(".")]


def test_who_is_still_writing_is_left_alone(tmp_path):
    with replacing(tmp_path / "a.txt") as temporary:
        temporary.write_text("a")
        os.utime(temporary.parent, (0, 0))
        with replacing(tmp_path / "b.txt") as other:
            other.write_text("b")
    assert names(tmp_path) == ["a.txt", "b.txt"]


def test_what_has_no_lock_goes_when_it_is_old(tmp_path):
    left = tmp_path / ".writing-1"
    left.mkdir()
    recover(tmp_path)
    assert left.exists()
    old = time.time() - 3600
    os.utime(left, (old, old))
    recover(tmp_path)
    assert not left.exists()


def skip_without_exchange(folder):
    if not exchange(folder / "one", folder / "two"):
        pytest.skip("This system cannot exchange two names in one step.")


def write_often(path, number):
    for _ in range(30):
        write_folder(path, f"{number}")


def test_several_writers_and_a_reader_always_find_it(tmp_path):
    path = tmp_path / "model"
    write_folder(path, "0")
    skip_without_exchange(path)
    context = multiprocessing.get_context("fork")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        writers = [
            context.Process(target=write_often, args=(path, number))
            for number in (1, 2)
        ]
        for writer in writers:
            writer.start()
    while any(writer.is_alive() for writer in writers):
        assert path.is_dir()
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert (path / "one").read_text() == (path / "two").read_text()
    recover(tmp_path)
    assert names(tmp_path) == ["model"]


def test_exchange_names_what_is_missing(tmp_path):
    write_folder(tmp_path / "it", "x")
    skip_without_exchange(tmp_path / "it")
    with pytest.raises(FileNotFoundError, match="three"):
        exchange(tmp_path / "it" / "one", tmp_path / "it" / "three")
