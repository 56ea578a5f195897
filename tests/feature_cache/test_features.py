"""Features of a data set: through a deeper boundary, and of a part of it."""

import subprocess
import sys

import numpy as np
import pytest

import keras_transfer as kt
from keras_transfer import feature_cache
from keras_transfer.data.batches import ArrayBatches
from keras_transfer.data.views import SubsetBatches
from keras_transfer.feature_cache import building


@pytest.fixture
def model(tiny_cnn):
    return kt.TransferModel(tiny_cnn(), head=3, preprocessing="tf")


@pytest.fixture
def batches(rng):
    x = rng.uniform(0, 255, (20, 16, 16, 3)).astype("float32")
    return ArrayBatches(x, np.arange(20) % 3, batch_size=8)


@pytest.fixture
def passes(monkeypatch):
    """The names of what has run through a frozen part."""
    seen = []

    class Counted(building._Pass):
        def run(self):
            seen.append(self.name)
            return super().run()

    monkeypatch.setattr(building, "_Pass", Counted)
    return seen


def taken(found):
    return found.take(found.rows)


def test_through_a_deeper_boundary_they_are_the_same(model, batches, passes):
    cache = kt.FeatureCache("memory")
    options = {"cache": cache, "verbose": 0}
    direct = feature_cache.features(model, batches, verbose=0)
    through = feature_cache.features(model, batches, through=2, **options)
    np.testing.assert_allclose(taken(direct), taken(through), atol=1e-5)
    passes.clear()
    deeper = feature_cache.features(model, batches, depth=2, **options)
    assert passes == [] and len(taken(deeper)) == 20


@pytest.mark.parametrize("where", ["memory", "disk"])
def test_a_part_is_looked_up_in_the_whole(
    where, model, batches, passes, tmp_path
):
    place = "memory" if where == "memory" else tmp_path / "cache"
    cache = kt.FeatureCache(place)
    options = {"cache": cache, "verbose": 0}
    whole = feature_cache.features(model, batches, depth=1, **options)
    passes.clear()
    chosen = np.array([3, 17, 4])
    part = feature_cache.features(
        model, SubsetBatches(batches, chosen), depth=1, **options
    )
    assert passes == []
    np.testing.assert_array_equal(taken(part), whole.take(chosen))
    np.testing.assert_array_equal(part.rest[0], chosen % 3)
    x, y = part.batches().read(np.array([1]))
    np.testing.assert_array_equal(
        x[feature_cache.FEATURES], whole.take(np.array([17]))
    )
    assert y.tolist() == [2]


def test_a_part_alone_is_computed(model, batches, passes):
    part = SubsetBatches(batches, [1, 2])
    found = feature_cache.features(
        model, part, cache=kt.FeatureCache("memory"), verbose=0
    )
    assert passes == ["given"] and found.num_rows == 2


def test_views_take_as_many_times_the_bytes(model):
    once = feature_cache.bytes_to_cache(model, 10, 1)
    assert feature_cache.bytes_to_cache(model, 10, 1, views=3) == 3 * once


_ANOTHER = """
import sys, time
import filelock
with filelock.FileLock(sys.argv[1]):
    print("has it", flush=True)
    time.sleep(1.5)
print("gave it back", flush=True)
"""


def test_processes_wait_for_the_one_that_computes(
    model, batches, tmp_path, capsys
):
    model.compile("auto")
    model.fit(batches, feature_cache=tmp_path, verbose=0)
    (folder,) = (path for path in tmp_path.iterdir() if path.is_dir())
    (folder / "manifest.json").unlink()
    lock = tmp_path / f"{folder.name}.lock"
    with subprocess.Popen(
        [sys.executable, "-c", _ANOTHER, str(lock)],
        stdout=subprocess.PIPE, text=True,
    ) as other:  # fmt: skip
        assert other.stdout.readline() == "has it\n"
        model.fit(batches, feature_cache=tmp_path, verbose=2)
        assert "Another process computes" in capsys.readouterr().out
        assert other.stdout.readline() == "gave it back\n"
    assert (folder / "manifest.json").exists()
    assert list(tmp_path.iterdir()) == [folder]
