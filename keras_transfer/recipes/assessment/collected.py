"""Features, labels and notes of one part of the data, in one pass."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from keras_transfer._private.types import PathLike, Verbose
from keras_transfer.data import PhotoBatches
from keras_transfer.data.views import SubsetBatches
from keras_transfer.recipes.assessment.noted_batches import NotedBatches
from keras_transfer.recipes.assessment.pooled_features import (
    pooled_features,
)
from keras_transfer.recipes.head_stage import with_integer_labels

if TYPE_CHECKING:
    from keras_transfer.data.seeded_batches import SeededBatches
    from keras_transfer.feature_cache.settings import FeatureCache
    from keras_transfer.models.transfer.transfer_model import TransferModel


@dataclasses.dataclass
class Collected:
    """One part of the data after a pass through the pre-trained net.

    Attributes:
        name: `"train"`, `"validation"`, `"test"`, `"source"`, `"unlabelled"`.
        features: `(samples, dimensions)`.
        labels: classes `(samples,)`, or `None`.
        notes: the `NotedBatches`, which gives the samples too.
    """

    name: str
    features: np.ndarray
    labels: np.ndarray | None
    notes: NotedBatches

    def __len__(self) -> int:
        return len(self.features)

    def label_of(self, number: int) -> str:
        """Returns what to call a sample: its file, or its number."""
        photos = photos_of(self.notes)
        if photos is None:
            return f"{self.name} {number}"
        return str(photos[number])

    def image(self, number: int) -> np.ndarray | None:
        """Returns the pixels of a sample, or `None` if it is no image."""
        x = self.notes.batches.read(np.array([number]))[0]
        image = (
            np.asarray(x) if not isinstance(x, dict | list | tuple) else None
        )
        return None if image is None or image.ndim != 4 else image[0]


def collect(
    model: TransferModel,
    batches: SeededBatches,
    name: str,
    *,
    cache: FeatureCache | PathLike,
    verbose: Verbose,
) -> Collected:
    """Runs one part of the data through the frozen net once.

    Args:
        model: a `TransferModel`.
        batches: `SeededBatches`.
        name: what to call the part.
        cache: as in `feature_cache.features`.
        verbose: 0 shows no progress.

    Returns:
        The `Collected`.
    """
    noted = NotedBatches(batches)
    x, rest = pooled_features(model, noted, name, verbose, cache)
    noted.read_what_is_missing()
    labels = None
    if rest and rest[0] is not None:
        labels = with_integer_labels("softmax", (x, rest[0]))[1].astype(int)
    return Collected(name, x, labels, noted)


def photos_of(noted: NotedBatches) -> list | None:
    """Returns the files of a `NotedBatches` over photos, else `None`."""
    return _photos(noted.batches)


def _photos(batches: SeededBatches) -> list | None:
    if isinstance(batches, SubsetBatches):
        whole = _photos(batches.batches)
        return None if whole is None else [whole[i] for i in batches.indices]
    return batches.photos if isinstance(batches, PhotoBatches) else None
