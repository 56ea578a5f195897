"""Images of another range than 0..255, and inputs that are not numbers."""

import types
import warnings

import numpy as np
import pytest

from keras_transfer.data.pixel_checks import check_inputs, note_pixels

pytestmark = pytest.mark.any_backend
PIXELS = types.SimpleNamespace(expects_pixels=True)
RNG = np.random.default_rng(0)
BYTES = RNG.integers(0, 256, (8, 6, 6, 3))

ODD = {
    "0..1": (BYTES / 255, "scaled to 0..1"),
    "0 and 1 in integers": (BYTES % 2, "scaled to 0..1"),
    "-1..1": (BYTES / 127.5 - 1, "scaled to -1..1"),
    "negative": (BYTES - 128, "below 0"),
    "16 bits": ((BYTES * 257).astype("uint16"), "as with 16 bits"),
    "12 bits": (BYTES * 16, "as with 12 bits"),
}


@pytest.mark.parametrize("name", ODD)
def test_images_of_another_range(name):
    images, said = ODD[name]
    with pytest.warns(UserWarning, match=said) as told:
        check_inputs(images, PIXELS)
    assert len(told) == 1 and "0..255" in str(told[0].message)


@pytest.mark.parametrize("dtype", ["uint8", "int32", "float32"])
def test_pixels_pass_in_silence(dtype):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_inputs(BYTES.astype(dtype), PIXELS)
        check_inputs(BYTES[:, 0, 0] / 255, PIXELS)
        check_inputs(BYTES / 255, types.SimpleNamespace(expects_pixels=False))
        check_inputs(np.array(["a text"]), PIXELS)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_numbers(value):
    numbers = RNG.normal(size=(5, 3)).astype("float32")
    numbers[3, 1] = value
    with pytest.raises(
        ValueError, match=r"1 of 5 samples looked at.* sample 3"
    ):
        check_inputs({"a": np.ones((5, 2)), "b": numbers}, PIXELS)


def test_large_numbers_are_numbers():
    # Their sum is infinite.
    check_inputs(np.full((4, 2), 3e38, "float32"), PIXELS)


NOTED = {
    "bytes": (BYTES, True),
    "whole numbers": (np.full((2, 4, 4, 3), 7.0), True),
    "resized photos": (np.linspace(0, 254.5, 96).reshape(2, 4, 4, 3), True),
    "0..1": (np.linspace(0, 1, 96).reshape(2, 4, 4, 3), False),
    "16 bits": (np.full((2, 4, 4, 3), 700.0), False),
    "spectrograms": (np.linspace(-80, 0.5, 32).reshape(2, 4, 4, 1), False),
    "positive spectrograms": (
        np.linspace(0, 80.5, 32).reshape(2, 4, 4, 1), False
    ),
    "no image": (np.ones((3, 4)), None),
}  # fmt: skip


@pytest.mark.parametrize("case", NOTED)
def test_a_model_is_told_what_its_images_are(case):
    x, expected = NOTED[case]
    told = []
    note_pixels(x, types.SimpleNamespace(_note_pixels=told.append))
    assert told == ([] if expected is None else [expected])
