"""Decoded photos kept in memory after they were first read."""

import numpy as np

from keras_transfer.storage.memory import available_bytes

_AUTO_LIMIT = 2 * 2**30


class KeptPhotos:
    """One array for all photos of a data set, filled as they are read.

    Its memory is taken up as photos arrive.

    Attributes:
        images: uint8 array of shape `(num_photos, height, width, channels)`.
        here: which of them were read.
    """

    def __init__(self, shape: tuple[int, ...]):
        self.images = np.empty(shape, np.uint8)
        self.here = np.zeros(shape[0], bool)

    def keep(self, number: int, photo: np.ndarray) -> None:
        self.images[number] = photo
        self.here[number] = True


def kept_photos(cache: bool | str, shape: tuple[int, ...]) -> KeptPhotos | None:
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
