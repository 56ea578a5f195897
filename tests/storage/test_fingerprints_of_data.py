"""Digests of arrays, texts and files: equal if and only if these are."""

import numpy as np
import pytest

from keras_transfer.storage import fingerprints

pytestmark = pytest.mark.any_backend

ARRAYS = {
    "shape": (np.zeros((2, 3)), np.zeros((3, 2))),
    "type": (np.zeros(4, "int32"), np.zeros(4, "float32")),
    "value": (np.zeros(3), np.array([0.0, 0.0, 1e-300])),
    "missing": (np.zeros(2), None),
    "text": (np.array(["a", "b"]), np.array(["a", "c"])),
    "objects": (np.array(["a", 1], object), np.array(["a", 2], object)),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays(name):
    one, other = ARRAYS[name]
    assert fingerprints.of_arrays(one) != fingerprints.of_arrays(other)
    again = None if one is None else one.copy()
    assert fingerprints.of_arrays(one) == fingerprints.of_arrays(again)


def test_layout_in_memory_does_not_count():
    array = np.arange(12.0).reshape(3, 4)
    turned = np.asfortranarray(array)
    assert fingerprints.of_arrays(array) == fingerprints.of_arrays(turned)


def test_order_counts():
    a, b = np.zeros(2), np.ones(2)
    assert fingerprints.of_arrays(a, b) != fingerprints.of_arrays(b, a)
    assert fingerprints.of_arrays(a, b) == fingerprints.of_arrays((a, b))


def test_files(tmp_path):
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_bytes(b"x" * 3)
    second.write_bytes(b"y")
    before = fingerprints.of_files([first, second])
    assert fingerprints.of_files([first, second]) == before
    assert fingerprints.of_files([second, first]) != before
    first.write_bytes(b"x" * 2)
    assert fingerprints.of_files([first, second]) != before
    renamed = first.rename(tmp_path / "c")
    renamed.write_bytes(b"x" * 3)
    assert fingerprints.of_files([renamed, second]) != before


def test_a_text_counts_with_its_bytes():
    as_bytes = np.frombuffer("ü 1".encode(), "uint8")
    expected = fingerprints.of_arrays(as_bytes, np.arange(3))
    assert fingerprints.of_arrays("ü 1", np.arange(3)) == expected
    assert fingerprints.of_arrays("ü 2", np.arange(3)) != expected
