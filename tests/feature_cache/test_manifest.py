"""What lies beside the activations: it comes back, or all is missing."""

import json
import os
import shutil

import numpy as np
import pytest

from keras_transfer.feature_cache import CachedFeatures, manifest
from keras_transfer.feature_cache.rows import FileRows

NUM = 6
LABELS = np.arange(NUM)
WEIGHTS = np.linspace(0, 1, NUM)
WORDS = np.array(list("abcdef"))

RESTS = {
    "nothing": (),
    "labels": (LABELS,),
    "labels and weights": (LABELS, WEIGHTS),
    "no labels, but weights": (None, WEIGHTS),
    "several": (
        {"b": LABELS, "a": [WEIGHTS, WORDS]},
        {"b": None, "a": WEIGHTS},
    ),
    "nested tuples": ((LABELS, (WEIGHTS,)),),
}


def cached(folder, rest=(LABELS,), views=2):
    stores = []
    for view in range(views):
        both = []
        for index, dtype in enumerate(("float32", "bfloat16")):
            name = f"view{view}-{index}"
            store = FileRows(folder, name, NUM, (3,), dtype)
            store.write(0, np.full((NUM, 3), view + index / 2, "float32"))
            both.append(store)
        stores.append(both)
    starts = np.array([0, 4, NUM])
    return CachedFeatures(stores, rest, starts, None, True, 1.0)


def same(a, b):
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, tuple | list):
        both = zip(a, b, strict=True)
        return type(a) is type(b) and all(same(x, y) for x, y in both)
    return (a is None and b is None) or np.array_equal(a, b)


@pytest.mark.parametrize("name", RESTS)
def test_round_trip(name, tmp_path):
    manifest.write(tmp_path, cached(tmp_path, RESTS[name]))
    found = manifest.read(tmp_path, 2)
    assert same(found.rest, RESTS[name])
    assert found.starts.tolist() == [0, 4, NUM]
    assert found.is_several and found.seconds == 0
    assert found.ids.tolist() == [0, 0, 0, 0, 1, 1]
    one, other = found.take(np.array([5, 0]), view=1)
    assert one.tolist() == [[1.0] * 3] * 2
    assert other.tolist() == [[1.5] * 3] * 2


def test_another_number_of_views_is_another_cache(tmp_path):
    manifest.write(tmp_path, cached(tmp_path))
    assert manifest.read(tmp_path, 1) is None
    assert manifest.read(tmp_path, 3) is None


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def truncate(path):
    path.write_bytes(path.read_bytes()[:-20])


def remove(path):
    path.unlink()


@pytest.mark.parametrize("damage", [flip, truncate, remove])
@pytest.mark.parametrize(
    "name", ["manifest.json", "labels.npz", "view1-0-00000.npy"]
)
def test_whatever_is_damaged_nothing_is_there(damage, name, tmp_path):
    manifest.write(tmp_path, cached(tmp_path))
    before = manifest.read(tmp_path, 2)
    assert before is not None
    damage(tmp_path / name)
    assert manifest.read(tmp_path, 2) is None


def test_other_labels_than_those_of_the_checksum(tmp_path):
    manifest.write(tmp_path, cached(tmp_path))
    starts = np.array([0, 4, NUM])
    np.savez(tmp_path / "labels.npz", starts=starts, **{"0": LABELS[::-1]})
    assert manifest.read(tmp_path, 2) is None


OTHER_VALUES = (None, 7, -1, "x", [], [[]], {}, [[[3], "object"]], 1e300)


def test_a_manifest_that_was_edited_is_none(tmp_path):
    manifest.write(tmp_path, cached(tmp_path))
    path = tmp_path / "manifest.json"
    about = json.loads(path.read_text())
    for key in about:
        for value in OTHER_VALUES:
            path.write_text(json.dumps(about | {key: value}))
            assert manifest.read(tmp_path, 2) is None, (key, value)
        path.write_text(json.dumps({k: about[k] for k in about if k != key}))
        assert manifest.read(tmp_path, 2) is None, key
    path.write_text(json.dumps(about))
    assert manifest.read(tmp_path, 2) is not None


def test_a_manifest_of_another_key_is_none(tmp_path):
    for key, rest in (("one", (LABELS,)), ("other", (LABELS[::-1],))):
        manifest.write(tmp_path / key, cached(tmp_path / key, rest))
    for name in ("manifest.json", "labels.npz"):
        shutil.copy(tmp_path / "other" / name, tmp_path / "one" / name)
    assert manifest.read(tmp_path / "one", 2) is None
    assert manifest.read(tmp_path / "other", 2) is not None


@pytest.mark.parametrize("name", ["manifest.json", "labels.npz"])
def test_a_pipe_in_the_place_of_a_file_is_none(name, tmp_path):
    manifest.write(tmp_path, cached(tmp_path))
    (tmp_path / name).unlink()
    os.mkfifo(tmp_path / name)
    assert manifest.read(tmp_path, 2) is None


def test_a_manifest_of_another_kind(tmp_path):
    manifest.write(tmp_path, cached(tmp_path))
    for about in ([], {}, {"rows": 3}):
        (tmp_path / "manifest.json").write_text(json.dumps(about))
        assert manifest.read(tmp_path, 2) is None
    assert manifest.read(tmp_path / "nowhere", 2) is None
