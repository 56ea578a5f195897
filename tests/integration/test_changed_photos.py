"""A cache of photos whose files have changed gives numbers of its own."""

import os

import keras
import pytest
from rounding import same_losses

import keras_transfer as kt
from keras_transfer import data

pytestmark = pytest.mark.slow


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
    assert same_losses(before, photo_losses(photos, tiny_cnn, None))
    what(photos / "train")
    after = photo_losses(photos, tiny_cnn, cache)
    assert same_losses(after, photo_losses(photos, tiny_cnn, None))
    assert after != before
