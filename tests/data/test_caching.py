import numpy as np
import pytest

from keras_transfer import data
from keras_transfer.data import caching


@pytest.fixture
def folder(tmp_path, photos):
    return photos.fill(tmp_path, {"cat": 12, "dog": 8})


def test_cached_batches_equal_those_read_each_time(folder):
    plain = data.load(folder, image_size=8, batch_size=5)
    cached = data.load(folder, image_size=8, batch_size=5, cache=True)
    for part in ("train", "validation", "test"):
        for (x, y), (a, b) in zip(
            getattr(plain, part), getattr(cached, part), strict=True
        ):
            np.testing.assert_array_equal(x, a)
            np.testing.assert_array_equal(y, b)


def test_a_cache_reads_the_files_once(folder):
    cached = data.load(folder, image_size=8, cache=True)
    for path in folder.glob("*/*.jpg"):
        path.unlink()
    assert sum(len(x) for x, _ in cached.train) == 13


def test_a_cache_that_does_not_fit_is_refused(folder, monkeypatch):
    monkeypatch.setattr(caching, "_available_bytes", lambda: 2**20)
    with pytest.raises(MemoryError, match=r"13 photos in 0\.0 GiB.*cache=Fal"):
        data.load(folder, image_size=256, cache=True)
    assert data.load(folder, image_size=32, cache=True).train.num_samples == 13


def test_the_system_says_how_much_memory_there_is():
    available = caching._available_bytes()
    assert available is None or available > 2**20
