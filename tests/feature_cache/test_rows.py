"""Rows of activations: what was written comes back, or counts as missing."""

import json
import os
import shutil

import numpy as np
import pytest

from keras_transfer.feature_cache import rows as rows_module
from keras_transfer.feature_cache.rows import (
    FileRows,
    MemoryRows,
    decoded,
    encoded,
    num_bytes,
)

SHAPE = (3, 2)
NUM = 11


@pytest.fixture(autouse=True)
def small_shards(monkeypatch):
    """Four rows of 24 bytes a file: three files."""
    monkeypatch.setattr(rows_module, "SHARD_BYTES", 100)


def numbers(dtype="float32", num=NUM):
    values = np.random.default_rng(0).normal(size=(num, *SHAPE)) * 50
    return values.astype(dtype)


def file_rows(folder, dtype="float32", num=NUM, shape=SHAPE):
    return FileRows(folder, "view0-0", num, shape, dtype)


def written(folder, values, dtype="float32"):
    store = file_rows(folder, dtype, len(values), values.shape[1:])
    store.write(0, values)
    store.finish()
    return store


TYPES = {
    # dtype, how many bits of the fraction stay
    "float32": 24,
    "float16": 11,
    "bfloat16": 8,
    "int32": None,
    "uint8": None,
    "bool": None,
}


@pytest.mark.parametrize("kind", ["memory", "files"])
@pytest.mark.parametrize("dtype", TYPES)
def test_round_trip(kind, dtype, tmp_path):
    values = numbers("float32" if TYPES[dtype] else dtype)
    if kind == "memory":
        store = MemoryRows(NUM, SHAPE, dtype)
        store.write(0, values)
        store.finish()
    else:
        store = written(tmp_path, values, dtype)
    found = store.take(np.array([10, 0, 3, 4, 3]))
    expected = values[[10, 0, 3, 4, 3]]
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    if TYPES[dtype] in (None, 24):
        np.testing.assert_array_equal(found, expected)
    else:
        np.testing.assert_allclose(found, expected, rtol=2.0 ** -TYPES[dtype])
        assert (found != expected).any()


def test_bfloat16_is_rounded_to_the_nearest_even():
    ml_dtypes = pytest.importorskip("ml_dtypes")
    values = np.concatenate(
        [
            numbers(num=500).ravel(),
            np.array([0.0, -0.0, 1.0, 3.4e38, 1e-40, np.inf, -np.inf]),
            # Half way between two neighbours: to the even one.
            np.array([1 + 2.0**-8, 1 + 3 * 2.0**-8, -1 - 2.0**-8]),
        ]
    ).astype("float32")
    expected = values.astype(ml_dtypes.bfloat16)
    found = encoded(values, "bfloat16")
    np.testing.assert_array_equal(found, expected.view("uint16"))
    np.testing.assert_array_equal(
        decoded(found, "bfloat16"), expected.astype("float32")
    )


@pytest.mark.parametrize("bits", [0x7FC00000, 0x7FFFFFFF, 0xFFFFFFFF])
def test_what_is_no_number_stays_none(bits):
    """All bits set would turn into a zero if they were rounded."""
    value = np.array([bits], "uint32").view("float32")
    assert np.isnan(decoded(encoded(value, "bfloat16"), "bfloat16")).all()
    assert np.isnan(decoded(encoded(value, "float16"), "float16")).all()


def test_written_out_of_order_and_over_borders(tmp_path):
    values = numbers()
    store = file_rows(tmp_path)
    assert store.num_shards == 3 and store.per_shard == 4
    for start, stop in ((7, 11), (0, 1), (3, 7), (1, 3)):
        assert store.missing(start, stop)
        store.write(start, values[start:stop])
    store.finish()
    again = file_rows(tmp_path)
    assert not again.missing(0, NUM)
    np.testing.assert_array_equal(again.take(np.arange(NUM)), values)
    order = np.random.default_rng(1).permutation(NUM)
    np.testing.assert_array_equal(again.take(order), values[order])
    np.testing.assert_array_equal(again.take(np.arange(5, 7)), values[5:7])
    assert again.take(np.array([], int)).shape == (0, *SHAPE)


def test_what_is_taken_is_a_copy(tmp_path):
    values = numbers()
    memory = MemoryRows(NUM, SHAPE, "float32")
    memory.write(0, values)
    for store in (memory, written(tmp_path, values)):
        store.take(np.arange(3))[...] = 0
        np.testing.assert_array_equal(store.take(np.arange(3)), values[:3])


def test_missing_by_file(tmp_path):
    store = file_rows(tmp_path)
    store.write(0, numbers()[:5])
    # The first file is there; one row of the second waits for its others.
    assert not store.missing(0, 4)
    assert store.missing(0, 5) and store.missing(4, 5)
    with pytest.raises(RuntimeError, match="Received 1 of 3 files"):
        store.finish()
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "view0-0-00000.json",
        "view0-0-00000.npy",
    ]


def flip(path):
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)


def truncate(path):
    path.write_bytes(path.read_bytes()[:-8])


def empty(path):
    path.write_bytes(b"")


def foreign(path):
    np.save(path, np.zeros((4, *SHAPE), "float32"))


def other_shape(path):
    array = np.zeros((2, 3), "float32")
    np.save(path, array)
    from keras_transfer.storage import fingerprints

    about = {"checksum": fingerprints.of_arrays(array)}
    path.with_suffix(".json").write_text(json.dumps(about))


def remove(path):
    path.unlink()


def folder_instead(path):
    path.unlink()
    path.mkdir()


def dead_link(path):
    path.unlink()
    path.symlink_to(path.with_name("nowhere"))


def pipe(path):
    path.unlink()
    os.mkfifo(path)


def pipe_as_checksum(path):
    pipe(path.with_suffix(".json"))


def copied_from_another_cache(path):
    other = path.parent / "other key"
    written(other, numbers() + 1)
    for suffix in (".npy", ".json"):
        shutil.copy(
            (other / path.name).with_suffix(suffix), path.with_suffix(suffix)
        )


def remove_checksum(path):
    path.with_suffix(".json").unlink()


def damage_checksum(path):
    path.with_suffix(".json").write_text("[]")


DAMAGES = [
    flip,
    truncate,
    empty,
    foreign,
    other_shape,
    remove,
    folder_instead,
    dead_link,
    pipe,
    pipe_as_checksum,
    copied_from_another_cache,
    remove_checksum,
    damage_checksum,
]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda d: d.__name__)
def test_a_damaged_file_is_missing_and_built_again(damage, tmp_path):
    values = numbers()
    written(tmp_path, values)
    damage(tmp_path / "view0-0-00001.npy")
    store = file_rows(tmp_path)
    assert store.missing(4, 8)
    assert not store.missing(0, 4) and not store.missing(8, 11)
    # All is written again; what is whole is left alone.
    before = (tmp_path / "view0-0-00000.npy").stat().st_mtime_ns
    store.write(0, values)
    store.finish()
    assert (tmp_path / "view0-0-00000.npy").stat().st_mtime_ns == before
    np.testing.assert_array_equal(
        file_rows(tmp_path).take(np.arange(NUM)), values
    )


OTHERS = {
    "more rows": {"num": 12},
    "another shape": {"shape": (2, 3)},
    "another type": {"dtype": "int32"},
    "16 bits": {"dtype": "float16"},
}


@pytest.mark.parametrize("name", OTHERS)
def test_files_of_another_layout_are_missing(name, tmp_path):
    written(tmp_path, numbers())
    store = file_rows(tmp_path, **OTHERS[name])
    assert store.missing(8, store.num_rows)


def test_sizes():
    assert num_bytes(10, (3, 2), "float32") == 240
    assert num_bytes(10, (3, 2), "bfloat16") == 120
    assert num_bytes(1 << 20, (1 << 20,), "float32") == 1 << 42
    assert num_bytes(10, (), "uint8") == 10


def test_free_bytes_of_a_folder_that_is_not_there_yet(tmp_path):
    free = rows_module.free_bytes(tmp_path / "a" / "b")
    assert free > 0
