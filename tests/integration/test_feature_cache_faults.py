"""Whatever happens to a cache: never a wrong number, nothing lost."""

import contextlib
import errno
import os
import subprocess

import numpy as np
import pytest
from cached_build import EIGHT_ROWS, NUM
from cached_training import counted
from doubles import vectors
from rounding import same_losses
from small_nets import built, dense_net

from keras_transfer.feature_cache import FeatureCache, building, rows

pytestmark = pytest.mark.slow


def model():
    return built(lambda: dense_net(3), lambda: "adam", seed=3)


def losses(feature_cache, trained=None, samples=None):
    x, y = samples or vectors(NUM)
    history = (trained or model()).fit(
        x, y, batch_size=8, epochs=2, verbose=0, feature_cache=feature_cache
    )
    return history.history["loss"]


@pytest.fixture
def small_files(monkeypatch):
    monkeypatch.setattr(rows, "SHARD_BYTES", EIGHT_ROWS)


def files_of(folder):
    return {
        path.relative_to(folder): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_folder_that_cannot_be_written(tmp_path, monkeypatch):
    cache = tmp_path / "cache"
    expected = losses(cache)
    before = files_of(cache)
    other = vectors(NUM)[0] + 1, vectors(NUM)[1]

    def refuse(*args, **kwargs):
        raise PermissionError(errno.EACCES, "Permission denied")

    if os.access("/", os.W_OK):
        # Root may write everywhere: as for anybody else.
        monkeypatch.setattr(
            "keras_transfer.storage.replacing.tempfile.mkdtemp", refuse
        )
    else:
        cache.chmod(0o500)
    with pytest.raises(OSError, match=r"(?i)write") as error:
        losses(cache, samples=other)
    assert str(cache) in str(error.value)
    assert files_of(cache) == before
    # What is there can be read.
    with counted(monkeypatch) as computed:
        assert losses(cache) == expected
    assert computed == []
    cache.chmod(0o700)


def test_a_disk_that_is_too_small_is_known_beforehand(tmp_path, monkeypatch):
    cache = tmp_path / "cache"
    losses(cache)
    before = files_of(cache)
    monkeypatch.setattr(building, "free_bytes", lambda folder: 1000)
    with (
        counted(monkeypatch) as computed,
        pytest.raises(OSError, match=r"take 1,200 bytes.*1,000 are free"),
    ):
        losses(cache, samples=(vectors(NUM)[0] + 1, vectors(NUM)[1]))
    assert sum(computed) <= 1
    assert files_of(cache) == before


def test_a_disk_that_fills_up_meanwhile(tmp_path, monkeypatch, small_files):
    cache = tmp_path / "cache"
    expected = losses(cache)
    before = files_of(cache)
    whole, written = np.save, []

    def full(path, array):
        if len(written) == 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        written.append(path)
        whole(path, array)

    other = vectors(NUM)[0] + 1, vectors(NUM)[1]
    with monkeypatch.context() as patch:
        patch.setattr(np, "save", full)
        with pytest.raises(OSError, match="enough free space") as error:
            losses(cache, samples=other)
    assert error.value.errno == errno.ENOSPC
    after = files_of(cache)
    assert {name: after[name] for name in before} == before
    assert not [name for name in after if ".writing" in str(name)]
    with counted(monkeypatch) as computed:
        assert losses(cache) == expected
    assert computed == []
    # With room again, what was written is used.
    with counted(monkeypatch) as computed:
        assert same_losses(
            losses(cache, samples=other), losses(None, samples=other)
        )
    assert sum(computed) == 1 + NUM - 3 * 8


@pytest.fixture
def tiny_disk(tmp_path):
    """A file system of 256 KiB, or a skip that says why there is none."""
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)],
        capture_output=True,
        text=True,
    )
    if done.returncode:
        pytest.skip(f"no small file system: {done.stderr.strip()}")
    yield folder
    # Lazily: what is mapped into memory is still open.
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_real_disk_that_is_full(tiny_disk, monkeypatch, small_files):
    cache = tiny_disk / "cache"
    expected = losses(cache)
    before = files_of(cache)
    filler = tiny_disk / "filler"
    with contextlib.suppress(OSError), filler.open("wb", 0) as file:
        while True:
            file.write(b"x" * 4096)
    other = vectors(NUM)[0] + 1, vectors(NUM)[1]
    # As if it had filled up after the look at it.
    for free in (building.free_bytes, lambda folder: 1 << 30):
        monkeypatch.setattr(building, "free_bytes", free)
        with pytest.raises(OSError, match=r"(?i)room|free space"):
            losses(cache, samples=other)
    assert {n: c for n, c in files_of(cache).items() if n in before} == before
    assert losses(cache) == expected
    filler.unlink()
    assert same_losses(
        losses(cache, samples=other), losses(None, samples=other)
    )


def damage(cache, number, how):
    path = sorted(cache.glob("*/view0-0-*.npy"))[number]
    content = bytearray(path.read_bytes())
    if how == "flipped":
        content[-5] ^= 0x40
    path.write_bytes(content[:-12] if how == "truncated" else content)


@pytest.mark.parametrize("how", ["flipped", "truncated"])
def test_a_damaged_file_is_built_again(how, tmp_path, monkeypatch, small_files):
    cache = FeatureCache(tmp_path / "cache")
    expected = losses(cache)
    damage(tmp_path / "cache", 2, how)
    with counted(monkeypatch) as computed:
        assert losses(cache) == expected
    assert sum(computed) == 1 + 8
    with counted(monkeypatch) as computed:
        assert losses(cache) == expected
    assert computed == []


def test_changed_weights_give_their_own_numbers(tmp_path):
    losses(tmp_path)
    sides = []
    for cache in (None, tmp_path):
        changed = model()
        kernel = changed.backbone.get_layer("dense1").kernel
        kernel.assign(kernel * 1.01)
        sides.append(losses(cache, changed))
    assert same_losses(*sides)
    assert not same_losses(sides[1], losses(tmp_path))
