import numpy as np
import pytest

from keras_transfer import data
from keras_transfer.data.photos import caching

pytestmark = pytest.mark.any_backend


@pytest.fixture
def folder(tmp_path, photos):
    return photos.fill(tmp_path, {"cat": 12, "dog": 8})


def test_cached_batches_equal_those_read_each_time(folder):
    plain = data.load(folder, image_size=8, batch_size=5, cache=False)
    cached = data.load(folder, image_size=8, batch_size=5, cache=True)
    for epoch in range(3):
        plain.train.epoch = cached.train.epoch = epoch
        for part in ("train", "validation", "test"):
            for (x, y), (a, b) in zip(
                getattr(plain, part), getattr(cached, part), strict=True
            ):
                np.testing.assert_array_equal(x, a)
                np.testing.assert_array_equal(y, b)


@pytest.mark.parametrize("cache", [True, "auto"])
def test_a_cache_reads_the_files_once(folder, cache):
    train = data.load(folder, image_size=8, batch_size=5, cache=cache).train
    first = [x for x, _ in train]
    for path in folder.glob("*/*.jpg"):
        path.unlink()
    for before, (after, _) in zip(first, train, strict=True):
        np.testing.assert_array_equal(before, after)
    run = train.starting_at(4)
    assert sum(len(x) for x, _ in run) == 13


def test_without_a_cache_the_files_are_read_again(folder):
    train = data.load(folder, image_size=8, cache=False).train
    train[0]
    for path in folder.glob("*/*.jpg"):
        path.unlink()
    train.epoch = 5
    with pytest.raises(data.PhotoError, match="no such file"):
        train[0]


def test_what_is_kept_cannot_be_changed_from_outside(folder):
    train = data.load(folder, image_size=8, cache=True).train
    train[0][0][...] = 0
    assert train[0][0].any()


def test_a_cache_that_does_not_fit_is_refused(folder, monkeypatch):
    monkeypatch.setattr(caching, "available_bytes", lambda: 2**20)
    with pytest.raises(MemoryError, match=r"13 photos in 0\.0 GiB.*cache=Fal"):
        data.load(folder, image_size=256, cache=True)
    assert data.load(folder, image_size=32, cache=True).train._kept is not None


@pytest.mark.parametrize(
    ("free", "kept"), [(None, True), (8 * 3000, True), (8 * 2999, False)]
)
def test_auto_takes_an_eighth_of_what_is_free(monkeypatch, free, kept):
    monkeypatch.setattr(caching, "available_bytes", lambda: free)
    room = caching.kept_photos("auto", (10, 10, 10, 3))
    assert (room is not None) == kept


def test_auto_takes_no_more_than_two_gibibytes(monkeypatch):
    monkeypatch.setattr(caching, "available_bytes", lambda: 2**50)
    assert caching.kept_photos("auto", (2**21 + 1, 16, 16, 4)) is None


def test_other_values_are_refused(folder):
    with pytest.raises(ValueError, match="True, False or 'auto'"):
        data.load(folder, cache="disk")
