"""Bilinear resizing with antialiasing: Pillow's, and faster for enlarging."""

from __future__ import annotations

import threading
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL import Image


def resize_into(image: Image.Image, out: np.ndarray) -> None:
    """Stretch a Pillow image to the size of an array.

    Pillow's `BILINEAR`. Enlarging the height, which is where Pillow spends
    most of its time on small photos, is done here with the same formula in
    fixed point (8 bits; at most 1 of 255 away from Pillow's rounding).

    Args:
        image: image in mode `"RGB"` or `"L"`.
        out: uint8 array of shape `(height, width, channels)` to write to.
    """
    from PIL import Image

    height, width = out.shape[:2]
    enlarges = 2 <= image.height < height
    first = (width, image.height) if enlarges else (width, height)
    pixels = np.asarray(
        image.resize(first, Image.Resampling.BILINEAR, reducing_gap=2.0)
    ).reshape(first[1], -1)
    if enlarges:
        _enlarge_height(pixels, out.reshape(height, -1))
    else:
        out.reshape(height, -1)[...] = pixels


def _enlarge_height(rows: np.ndarray, out: np.ndarray) -> None:
    """Blends each pair of neighbouring rows: `low + weight * (high - low)`.

    In uint16, with the weight and the pixels scaled by 256. Differences below
    zero wrap around and the sum wraps back, so every step fits 16 bits.
    """
    low, weight = _low_rows_and_weights(len(rows), len(out))
    blend, base = _scratch(out.shape)
    rows = rows.astype(np.uint16)
    steps = rows[1:] - rows[:-1]
    rows <<= 8
    rows += 128
    np.take(steps, low, axis=0, out=blend, mode="clip")
    blend *= weight
    np.take(rows, low, axis=0, out=base, mode="clip")
    blend += base
    blend >>= 8
    out[...] = blend


@lru_cache(maxsize=1024)
def _low_rows_and_weights(
    num_rows: int, num_wanted: int
) -> tuple[np.ndarray, np.ndarray]:
    """For each wanted row, the row above it and the share of the one below.

    Centres of pixels are matched: wanted row i lies at
    (i + 1/2) * num_rows / num_wanted - 1/2, and stays inside the picture.
    """
    at = (np.arange(num_wanted) + 0.5) * num_rows / num_wanted - 0.5
    at = np.clip(at, 0, num_rows - 1)
    low = np.minimum(at.astype(np.intp), num_rows - 2)
    return low, np.round(256 * (at - low)).astype(np.uint16)[:, None]


_thread = threading.local()


def _scratch(shape: tuple[int, ...]) -> list[np.ndarray]:
    """Two arrays that the thread keeps: fresh memory costs page faults."""
    if getattr(_thread, "shape", None) != shape:
        _thread.shape = shape
        _thread.arrays = [np.empty(shape, np.uint16) for _ in range(2)]
    return _thread.arrays
