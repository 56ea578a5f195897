"""Features, labels and notes of one part of the data, in one pass."""

import dataclasses

import numpy as np

from keras_transfer.data import PhotoBatches
from keras_transfer.data.views import SubsetBatches
from keras_transfer.recipes.assessment.noted_batches import NotedBatches
from keras_transfer.recipes.head_stage import pooled_once, with_integer_labels


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

    def __len__(self):
        return len(self.features)

    def label_of(self, number):
        """Returns what to call a sample: its file, or its number."""
        photos = photos_of(self.notes)
        if photos is None:
            return f"{self.name} {number}"
        return str(photos[number])

    def image(self, number):
        """Returns the pixels of a sample, or `None` if it is no image."""
        x = self.notes.batches.read(np.array([number]))[0]
        image = (
            np.asarray(x) if not isinstance(x, dict | list | tuple) else None
        )
        return None if image is None or image.ndim != 4 else image[0]


def collect(model, batches, name, *, cache, verbose):
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
    found = pooled_once(model, noted, name, verbose, cache=cache)
    noted.read_what_is_missing()
    x, labels = pooled(found[0]), None
    if len(found) > 1 and found[1] is not None:
        labels = with_integer_labels("softmax", found)[1].astype(int)
    return Collected(name, x, labels, noted)


def pooled(features):
    """Returns features with their mean over positions, if there are any.

    A head of one's own may start from a map.
    """
    features = np.asarray(features)
    return features.reshape(len(features), -1, features.shape[-1]).mean(axis=1)


def photos_of(noted):
    """Returns the files of a `NotedBatches` over photos, else `None`."""
    return _photos(noted.batches)


def _photos(batches):
    if isinstance(batches, SubsetBatches):
        whole = _photos(batches.batches)
        return None if whole is None else [whole[i] for i in batches.indices]
    return batches.photos if isinstance(batches, PhotoBatches) else None
