"""What is wrong with the inputs of a model: numbers, and range of pixels."""

import warnings

import keras
import numpy as np

from keras_transfer._private.types import Nested
from keras_transfer.data.nested import rows_not_finite

# Images that are enough to tell pixels by.
_ENOUGH = 64


def check_inputs(x: Nested, model: keras.Model) -> None:
    """Raises or warns about what is wrong with some inputs.

    Args:
        x: arrays with one sample a row, nested like the model's input.
        model: the model; `expects_pixels` says whether images are in 0..255.

    Raises:
        ValueError: NaN or infinity.
    """
    for leaf in keras.tree.flatten(x):
        array = np.asarray(leaf)
        if array.dtype.kind not in "fiub" or not array.size:
            continue
        if array.dtype.kind == "f":
            _check_finite(array)
        if array.ndim == 4 and getattr(model, "expects_pixels", False):
            _check_range(array)


def note_pixels(x: Nested, model: keras.Model) -> None:
    """Lets a model know whether its images are pixels in 0..255.

    Args:
        x: as for `check_inputs`.
        model: the model; one that has `_note_pixels` is told.
    """
    note = getattr(model, "_note_pixels", None)
    images = [
        array[:_ENOUGH]
        for array in map(np.asarray, keras.tree.flatten(x))
        if array.ndim == 4 and array.size and array.dtype.kind in "fiub"
    ]
    if note is not None and images:
        note(all(map(_are_pixels, images)))


def _are_pixels(x: np.ndarray) -> bool:
    low, high = x.min(), x.max()
    if low < 0 or not 1 < high <= 255:
        return False
    # Resized photos have fractions, but reach the upper end of the range.
    return bool(high > 200 or np.array_equal(x, np.round(x)))


def _check_finite(x: np.ndarray) -> None:
    # The sum is not finite if an element is not, and costs a tenth.
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(x.sum()):
            return
    bad = rows_not_finite(x)
    if bad.size:
        raise ValueError(
            "The inputs hold values that are not numbers. Received: NaN or "
            f"infinity in {bad.size} of {len(x)} samples looked at, first in "
            f"sample {bad[0]} of these. Expected finite values. Clean the "
            "data, for example with np.nan_to_num, or leave those samples out."
        )


def _check_range(x: np.ndarray) -> None:
    low, high = x.min(), x.max()
    if low < 0 and high <= 1.0:
        _warn(
            f"The images look scaled to -1..1 already: their values go from "
            f"{low:.3g} to {high:.3g}."
        )
    elif low < 0:
        _warn(f"The images hold values below 0: the smallest is {low:.4g}.")
    elif high <= 1.0:
        _warn(
            "The images look scaled to 0..1 already: the largest value of "
            f"those looked at is {high:.3g}."
        )
    elif high > 255:
        depth = int(high).bit_length()
        _warn(
            "The images hold values above 255: the largest is "
            f"{high:.6g}, as with {depth} bits. Multiply them by "
            f"255 / {2**depth - 1}, if that is their depth."
        )


def _warn(found: str) -> None:
    warnings.warn(
        f"{found} Expected raw pixels in 0..255; the model scales them itself."
        " Drop a scaling of your own (the division by 255), or build the model"
        " with preprocessing=None.",
        stacklevel=6,
    )
