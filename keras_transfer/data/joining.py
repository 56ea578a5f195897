"""The parts of a data set as one, for what looks at all of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from keras_transfer.data.batches import ArrayBatches
from keras_transfer.data.nested import concatenated
from keras_transfer.data.photos.photo_batches import PhotoBatches

if TYPE_CHECKING:
    from keras_transfer.data.seeded_batches import SeededBatches


def together(parts: list) -> SeededBatches:
    """Returns the samples of several parts as one, in order, unshuffled.

    Args:
        parts: list of `SeededBatches` of one source, as `data.load` makes
            them.
    """
    first = parts[0]
    if isinstance(first, PhotoBatches):
        return PhotoBatches(
            [photo for part in parts for photo in part.photos],
            np.concatenate([part.labels for part in parts]),
            image_size=first.image_size,
            channels=first.channels,
            batch_size=first.batch_size,
            shuffle=False,
        )
    return ArrayBatches(
        *concatenated([part.data for part in parts]),
        batch_size=first.batch_size,
        shuffle=False,
    )
