"""Whatever happens to a cache: never a wrong number, nothing lost."""

import contextlib
import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

import keras_transfer as kt
from keras_transfer import data
from keras_transfer.feature_cache import FeatureCache, building, rows

SCRIPT = Path(__file__).with_name("interruptible_build.py")
NUM, VIEWS, FILES = 60, 2, 2 * 8

pytestmark = pytest.mark.slow


def start(*arguments):
    packages = str(Path(kt.__file__).parents[1])
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ
        | {"KERAS_BACKEND": keras.backend.backend(), "PYTHONPATH": packages},
    )


def run(*arguments):
    with start(*arguments) as process:
        said = process.stdout.read().splitlines()
    assert process.returncode == 0 and said[-1] == "done", said
    return read(arguments[1])


def killed(*arguments):
    with start(*arguments) as process:
        for line in process.stdout:
            if line.strip() == "stopped":
                process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL


def read(path):
    with np.load(path) as file:
        arrays = dict(file)
    return int(arrays.pop("computed")), arrays


def assert_same(arrays, expected):
    assert arrays.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(arrays[name], array, err_msg=name)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fresh")
    computed, arrays = run(folder / "cache", folder / "result.npz")
    assert computed == VIEWS * NUM + 1
    return arrays


def test_a_build_that_is_killed_five_times_ends_as_a_new_one(fresh, tmp_path):
    cache, result = tmp_path / "cache", tmp_path / "result.npz"
    for event, number in (
        ("before", 0),
        ("middle", 1),
        ("after", 2),
        ("middle", 9),
        ("manifest", -1),
    ):
        killed(cache, result, event, number)
    computed, arrays = run(cache, result)
    # All files were there, only the manifest was not.
    assert computed == 1
    assert_same(arrays, fresh)
    # Nothing is left of what was being written.
    computed, arrays = run(cache, result)
    assert computed == 0
    assert_same(arrays, fresh)


@pytest.mark.parametrize("event", ["before", "middle", "after"])
def test_a_killed_build_goes_on_where_it_was(event, fresh, tmp_path):
    cache, result = tmp_path / "cache", tmp_path / "result.npz"
    killed(cache, result, event, 7)
    whole = {p.name for p in cache.glob("*/*.json")}
    assert len(whole) in (7, 8)
    computed, arrays = run(cache, result)
    assert computed == VIEWS * NUM + 1 - sum(
        min(8, NUM - 8 * int(name.split("-")[2][:5])) for name in whole
    )
    assert_same(arrays, fresh)


def test_two_processes_that_build_one_cache(fresh, tmp_path):
    cache = tmp_path / "cache"
    results = [tmp_path / "a.npz", tmp_path / "b.npz"]
    both = [start(cache, result) for result in results]
    for process, result in zip(both, results, strict=True):
        with process:
            assert process.stdout.read().splitlines()[-1] == "done"
        assert process.returncode == 0
        assert_same(read(result)[1], fresh)
    computed, arrays = run(cache, tmp_path / "c.npz")
    assert computed == 0
    assert_same(arrays, fresh)


# In this process.


def vectors():
    rng = np.random.default_rng(0)
    return rng.normal(size=(NUM, 6)).astype("float32"), np.arange(NUM) % 3


def built():
    keras.utils.set_random_seed(3)
    inputs = x = keras.Input((6,))
    for index in range(3):
        x = keras.layers.Dense(5, activation="tanh", name=f"dense{index}")(x)
    model = kt.TransferModel(
        keras.Model(inputs, x),
        head=3,
        preprocessing=None,
        output_layer="dense2",
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def losses(feature_cache, model=None, samples=None):
    x, y = samples or vectors()
    history = (model or built()).fit(
        x, y, batch_size=8, epochs=2, verbose=0, feature_cache=feature_cache
    )
    return history.history["loss"]


def close(a, b):
    exact = keras.backend.backend() != "jax"
    return a == b if exact else np.allclose(a, b, rtol=1e-5)


@contextlib.contextmanager
def counted(monkeypatch):
    computed, whole = [], building.run_prefix

    def counting(prefix, x):
        outputs = whole(prefix, x)
        computed.append(len(outputs[0]))
        return outputs

    with monkeypatch.context() as patch:
        patch.setattr(building, "run_prefix", counting)
        yield computed


@pytest.fixture
def small_files(monkeypatch):
    monkeypatch.setattr(rows, "SHARD_BYTES", 8 * 5 * 4)


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
    other = vectors()[0] + 1, vectors()[1]

    def refuse(*args, **kwargs):
        raise PermissionError(errno.EACCES, "Permission denied")

    if os.access("/", os.W_OK):
        # Root may write everywhere: as for anybody else.
        monkeypatch.setattr(
            "keras_transfer.storage.files.tempfile.mkdtemp", refuse
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
        losses(cache, samples=(vectors()[0] + 1, vectors()[1]))
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

    other = vectors()[0] + 1, vectors()[1]
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
        assert close(losses(cache, samples=other), losses(None, samples=other))
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
    other = vectors()[0] + 1, vectors()[1]
    # As if it had filled up after the look at it.
    for free in (building.free_bytes, lambda folder: 1 << 30):
        monkeypatch.setattr(building, "free_bytes", free)
        with pytest.raises(OSError, match=r"(?i)room|free space"):
            losses(cache, samples=other)
    assert {n: c for n, c in files_of(cache).items() if n in before} == before
    assert losses(cache) == expected
    filler.unlink()
    assert close(losses(cache, samples=other), losses(None, samples=other))


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
        model = built()
        kernel = model.backbone.get_layer("dense1").kernel
        kernel.assign(kernel * 1.01)
        sides.append(losses(cache, model))
    assert close(*sides)
    assert not close(sides[1], losses(tmp_path))


# Photos.


@pytest.fixture
def photos(tmp_path, rng):
    images = pytest.importorskip("PIL.Image")
    folder = tmp_path / "photos"
    for name in ("a", "b"):
        (folder / "train" / name).mkdir(parents=True)
        for index in range(6):
            pixels = rng.integers(0, 256, (8, 8, 3), dtype="uint8")
            images.fromarray(pixels).save(
                folder / "train" / name / f"{index}.png"
            )
    return folder


def photo_losses(folder, tiny_cnn, feature_cache):
    loaded = data.load(folder, image_size=8, batch_size=4, validation_split=0.0)
    keras.utils.set_random_seed(3)
    model = kt.TransferModel(tiny_cnn((8, 8, 3)), head=2, preprocessing="tf")
    model.compile("adam", "sparse_categorical_crossentropy")
    history = model.fit(
        loaded.train, epochs=2, verbose=0, feature_cache=feature_cache
    )
    return history.history["loss"]


def swap(train):
    """The names of two photos of different classes, exchanged."""
    (train / "a" / "0.png").rename(train / "x.png")
    (train / "b" / "3.png").rename(train / "a" / "0.png")
    (train / "x.png").rename(train / "b" / "3.png")


def rename(train):
    (train / "a" / "0.png").rename(train / "a" / "9.png")


def change(train):
    """Other pixels under the same name, and the same time of the file."""
    path = train / "a" / "0.png"
    time = path.stat().st_mtime
    path.write_bytes((train / "a" / "1.png").read_bytes())
    os.utime(path, (time, time))


def add(train):
    (train / "a" / "7.png").write_bytes((train / "b" / "1.png").read_bytes())


def move(train):
    (train / "a" / "0.png").rename(train / "b" / "9.png")


@pytest.mark.parametrize("what", [swap, rename, change, add, move])
def test_changed_photos_give_their_own_numbers(
    what, photos, tiny_cnn, tmp_path
):
    cache = tmp_path / "cache"
    before = photo_losses(photos, tiny_cnn, cache)
    assert close(before, photo_losses(photos, tiny_cnn, None))
    what(photos / "train")
    after = photo_losses(photos, tiny_cnn, cache)
    assert close(after, photo_losses(photos, tiny_cnn, None))
    assert after != before
