"""Decoded photos held in memory: one array, if it fits."""

import os

import numpy as np

from keras_transfer.data.photo import read_photo_into
from keras_transfer.data.pool import pool
from keras_transfer.data.progress import progress


def read_all(photos, image_size, channels) -> np.ndarray:
    """Every photo decoded once, in threads.

    Returns:
        uint8 array of shape `(num_photos, height, width, channels)`.

    Raises:
        MemoryError: if it would take more than half of what is available.
    """
    shape = (len(photos), *image_size, channels)
    _refuse_too_large(shape)
    images = np.empty(shape, np.uint8)
    done = pool().map(read_photo_into, photos, images)
    for _ in progress(done, len(photos), "Reading photos"):
        pass
    return images


def _refuse_too_large(shape):
    needed, available = int(np.prod(shape)), _available_bytes()
    if available is not None and needed > available / 2:
        raise MemoryError(
            f"cache=True would hold {shape[0]} photos in "
            f"{needed / 2**30:.1f} GiB, and {available / 2**30:.1f} GiB of "
            "memory are available, of which half may be used. Use a smaller "
            "image_size, or cache=False."
        )


def _available_bytes() -> int | None:
    """Memory that is free for the asking, where the system says so."""
    try:
        with open("/proc/meminfo") as file:
            lines = dict(line.split(":", 1) for line in file)
        return 1024 * int(lines["MemAvailable"].split()[0])
    except (OSError, KeyError, ValueError):
        pass
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None
