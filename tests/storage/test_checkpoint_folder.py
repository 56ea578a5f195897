"""A checkpoint is whole or passed over, and the earlier ones stay."""

import shutil

import numpy as np
import pytest

from keras_transfer.storage import checkpoint_folder

pytestmark = pytest.mark.any_backend


def arrays_of(number):
    return {
        "state/model/0": np.arange(600, dtype="float32") + number,
        "step": np.array(number),
        "seeds": np.array([number, 2**63], "uint64"),
    }


def info_of(number):
    return {"epoch": number, "loss": [0.1, 1 / 3], "gauss": None}


@pytest.fixture
def folder(tmp_path):
    """A folder with the checkpoints after one and two epochs."""
    for number in (1, 2):
        checkpoint_folder.write(
            tmp_path / "run", number, arrays_of(number), info_of(number)
        )
    return tmp_path / "run"


def assert_reads(folder, number):
    arrays, info = checkpoint_folder.read_last(folder)
    assert info == info_of(number)
    assert set(arrays) == set(arrays_of(number))
    for name, array in arrays_of(number).items():
        assert arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(arrays[name], array)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def flip_bit(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def truncate(path):
    path.write_bytes(path.read_bytes()[:700])


def empty(path):
    path.write_bytes(b"")


def garble(path):
    path.write_text("{not JSON")


DAMAGES = {
    "a flipped bit in the arrays": ("arrays.npz", flip_bit),
    "truncated arrays": ("arrays.npz", truncate),
    "empty arrays": ("arrays.npz", empty),
    "no arrays": ("arrays.npz", lambda path: path.unlink()),
    "a flipped bit in the manifest": ("manifest.json", flip_bit),
    "garbage in the manifest": ("manifest.json", garble),
    "no manifest": ("manifest.json", lambda path: path.unlink()),
    "a flipped bit in the checksums": ("SHA256SUMS", flip_bit),
    "no checksums": ("SHA256SUMS", lambda path: path.unlink()),
    "an empty folder": (".", lambda path: shutil.rmtree(path) or path.mkdir()),
    "a file": (".", lambda path: shutil.rmtree(path) or path.write_text("")),
}


def damage(folder, number, name):
    file, act = DAMAGES[name]
    act(folder / f"epoch-{number:05d}" / file)


def test_the_newest_is_read(folder):
    assert_reads(folder, 2)


def test_nothing_is_read_where_there_is_nothing(tmp_path):
    assert checkpoint_folder.read_last(tmp_path) is None
    assert checkpoint_folder.read_last(tmp_path / "missing") is None


def test_the_last_two_are_kept_by_number(folder):
    # As text, 100000 would come before the others.
    for number in (3, 99999, 100000):
        checkpoint_folder.write(
            folder, number, arrays_of(number), info_of(number)
        )
    assert names(folder) == ["epoch-100000", "epoch-99999"]
    assert_reads(folder, 100000)


def test_a_number_is_written_again(folder):
    checkpoint_folder.write(folder, 2, arrays_of(7), info_of(7))
    assert names(folder) == ["epoch-00001", "epoch-00002"]
    assert_reads(folder, 7)


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_one_is_named_and_the_earlier_one_read(folder, name):
    damage(folder, 2, name)
    with pytest.warns(UserWarning, match=r"epoch-00002.*'epoch-00001'"):
        assert_reads(folder, 1)


@pytest.mark.parametrize("name", DAMAGES)
def test_all_damaged_is_an_error_that_names_them(folder, name):
    damage(folder, 1, name)
    damage(folder, 2, "truncated arrays")
    with pytest.raises(
        ValueError, match=r"epoch-00002.*epoch-00001.*Remove the folder"
    ):
        checkpoint_folder.read_last(folder)


def test_a_damaged_one_is_replaced(folder):
    damage(folder, 2, "truncated arrays")
    checkpoint_folder.write(folder, 2, arrays_of(2), info_of(2))
    assert_reads(folder, 2)


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
@pytest.mark.parametrize("number", [2, 3])
def test_an_interrupted_write_leaves_the_earlier_ones(
    folder, monkeypatch, error, number
):
    def half(path, **arrays):
        path.write_bytes(b"half")
        raise error("boom")

    monkeypatch.setattr(np, "savez", half)
    with pytest.raises(error, match="boom"):
        checkpoint_folder.write(folder, number, arrays_of(9), info_of(9))
    assert names(folder) == ["epoch-00001", "epoch-00002"]
    assert_reads(folder, 2)


def leave_half_a_checkpoint(folder):
    """What a kill in the middle of `write` leaves."""
    temporary = folder / ".writing-1" / "epoch-00003"
    temporary.mkdir(parents=True)
    (temporary / "arrays.npz").write_bytes(b"half")
    temporary.with_name(".lock").touch()


def test_what_a_kill_leaves_is_no_checkpoint_and_goes(folder):
    leave_half_a_checkpoint(folder)
    assert len(names(folder)) == 3
    assert_reads(folder, 2)
    checkpoint_folder.write(folder, 3, arrays_of(3), info_of(3))
    assert names(folder) == ["epoch-00002", "epoch-00003"]


def test_what_a_kill_leaves_is_removed_in_the_end(folder):
    leave_half_a_checkpoint(folder)
    checkpoint_folder.remove(folder)
    assert not folder.exists()


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    blocker = tmp_path / "file"
    blocker.write_text("")
    for folder in (blocker, blocker / "run"):
        with pytest.raises(OSError, match=r"Could not write '.*epoch-00001'"):
            checkpoint_folder.write(folder, 1, arrays_of(1), info_of(1))


def test_a_full_disk_leaves_the_earlier_ones_and_says_so(folder, monkeypatch):
    def full(path, **arrays):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match=r"No space left.*unchanged"):
        checkpoint_folder.write(folder, 3, arrays_of(3), info_of(3))
    assert names(folder) == ["epoch-00001", "epoch-00002"]
    assert_reads(folder, 2)


def test_all_are_removed_and_the_folder_with_them(folder):
    checkpoint_folder.remove(folder)
    assert not folder.exists()
    checkpoint_folder.remove(folder)


def test_what_is_not_ours_is_left_alone(folder):
    foreign = ["epoch-1", "epoch-00001.bak", "my-epoch-00001", "notes.txt"]
    for name in foreign[:-1]:
        (folder / name).mkdir()
    (folder / "notes.txt").write_text("mine")
    checkpoint_folder.write(folder, 3, arrays_of(3), info_of(3))
    checkpoint_folder.remove(folder)
    assert names(folder) == sorted(foreign)
