"""Decoded photos kept in memory after they were first read."""

import os
from pathlib import Path

import numpy as np

_AUTO_LIMIT = 2 * 2**30


class KeptPhotos:
    """One array for all photos of a data set, filled as they are read.

    Its memory is taken up as photos arrive.

    Attributes:
        images: uint8 array of shape `(num_photos, height, width, channels)`.
        here: which of them were read.
    """

    def __init__(self, shape):
        self.images = np.empty(shape, np.uint8)
        self.here = np.zeros(shape[0], bool)

    def keep(self, number, photo):
        self.images[number] = photo
        self.here[number] = True


def kept_photos(cache, shape) -> KeptPhotos | None:
    """Room for the photos, or `None` where they are read again each time.

    Args:
        cache: `True`, `False`, or `"auto"`: keep what fits into 2 GiB and
            into an eighth of the memory that is available.
        shape: `(num_photos, height, width, channels)`.

    Raises:
        MemoryError: for `True`, where it takes more than half of what is
            available.
        ValueError: for any other `cache`.
    """
    if cache not in (True, False, "auto"):
        raise ValueError(
            f"`cache` must be True, False or 'auto'. Received: {cache!r}."
        )
    available = available_bytes()
    needed = int(np.prod(shape, dtype=np.int64))
    if cache == "auto":
        fits = available is None or needed <= available / 8
        return KeptPhotos(shape) if fits and needed <= _AUTO_LIMIT else None
    if cache and available is not None and needed > available / 2:
        raise MemoryError(
            f"cache=True would keep {shape[0]} photos in "
            f"{needed / 2**30:.1f} GiB, and {available / 2**30:.1f} GiB of "
            "memory are available, of which half may be used. Use a smaller "
            "image_size, or cache=False."
        )
    return KeptPhotos(shape) if cache else None


def available_bytes() -> int | None:
    """Memory that this process may still take, where the system says so."""
    known = [n for n in (_free_in_system(), _free_in_group()) if n is not None]
    return min(known) if known else None


def _free_in_system():
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        values = dict(line.split(":", 1) for line in lines)
        return 1024 * int(values["MemAvailable"].split()[0])
    except (OSError, KeyError, ValueError):
        pass
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None


def _free_in_group(group=Path("/sys/fs/cgroup")):
    """What a container's own limit leaves; `None` where there is none."""
    try:
        limit, used = (
            int((group / name).read_text())
            for name in ("memory.max", "memory.current")
        )
    except (OSError, ValueError):  # "max" means no limit
        return None
    return max(limit - used, 0)
