"""Photos that are dark, blank or tiny."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from keras_transfer.data.photos.photo_file import Photo
from keras_transfer.recipes.assessment.collected import photos_of

if TYPE_CHECKING:
    from keras_transfer.recipes.assessment.noted_batches import NotedBatches

# Of the range of pixels, 255 or 1: mean below which a photo is dark, standard
# deviation below which there is nothing on it. Of the training photos of
# flowers5, trashnet6 and cifar10_6k (9,143) two are below, both nearly black.
_DARK, _BLANK = 0.04, 0.02
# Shorter side in pixels.
_TINY = 32


@dataclasses.dataclass(frozen=True)
class PixelFault:
    """What is wrong with the pixels of a sample.

    Attributes:
        sample: its number.
        fault: `"dark"`, `"blank"` or `"tiny"`.
        value: mean, standard deviation or shorter side.
    """

    sample: int
    fault: str
    value: float


def pixel_faults(noted: NotedBatches) -> list[PixelFault]:
    """Returns the `PixelFault`s of samples that were read, none for others.

    Args:
        noted: the `NotedBatches` over all samples.
    """
    scale = 255.0 if noted.highest > 1.5 else 1.0
    is_dark = noted.means < _DARK * scale
    # A black photo is dark; one in another colour is blank.
    is_blank = (noted.deviations < _BLANK * scale) & ~is_dark
    found = [
        PixelFault(int(number), fault, float(values[number]))
        for fault, chosen, values in (
            ("dark", is_dark, noted.means),
            ("blank", is_blank, noted.deviations),
        )
        for number in np.flatnonzero(chosen)
    ]
    return found + _tiny(photos_of(noted))


def _tiny(photos: list | None) -> list[PixelFault]:
    if photos is None:
        return []
    sides = [_shorter_side(photo) for photo in photos]
    # Where most are so small it is how these data are.
    if np.median(sides) <= _TINY:
        return []
    return [
        PixelFault(number, "tiny", float(side))
        for number, side in enumerate(sides)
        if side < _TINY
    ]


def _shorter_side(photo: Photo) -> int:
    from keras_transfer.data.photos.photo_file import open_photo

    # The header alone is read.
    with open_photo(photo) as image:
        return min(image.size)
