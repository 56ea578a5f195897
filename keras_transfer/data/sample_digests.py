"""What tells one sample from another, wherever it lies and whatever its name.

A photo counts with the bytes of its file, any other sample with its numbers.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import keras
import numpy as np

from keras_transfer.data.photos.photo_batches import PhotoBatches
from keras_transfer.data.photos.photo_file import Photo
from keras_transfer.data.photos.pool import pool
from keras_transfer.storage import fingerprints

if TYPE_CHECKING:
    from keras_transfer.data.seeded_batches import SeededBatches


def sample_digests(batches: SeededBatches) -> list[str]:
    """Returns the digest of each sample of `SeededBatches`, in their order.

    Raises:
        OSError: a photo cannot be read.
    """
    if isinstance(batches, PhotoBatches):
        return list(pool().map(_of_photo, batches.photos))
    numbers = np.arange(batches.num_samples)
    inputs = keras.tree.flatten(batches.read(numbers)[0])
    return [
        fingerprints.of_arrays([leaf[number] for leaf in inputs])
        for number in range(batches.num_samples)
    ]


def sample_names(batches: SeededBatches) -> list[str]:
    """Returns the name of each sample: its file, else its number."""
    if isinstance(batches, PhotoBatches):
        return [str(photo) for photo in batches.photos]
    return [str(number) for number in range(batches.num_samples)]


def _of_photo(photo: Photo) -> str:
    if hasattr(photo, "read"):
        content = photo.read()
    else:
        with open(photo, "rb") as file:
            content = file.read()
    return hashlib.blake2b(content, digest_size=16).hexdigest()
