"""Notes on samples that are taken while they are read for something else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras
import numpy as np

from keras_transfer._private.types import Nested
from keras_transfer.data.views import BatchesView
from keras_transfer.transferability.near_duplicates import digest_of

if TYPE_CHECKING:
    from keras_transfer.data.seeded_batches import SeededBatches


class NotedBatches(BatchesView):
    """`SeededBatches` that notes a digest of each sample that is read.

    Of images the mean and the standard deviation of the pixels too. So that
    photos are decoded once, for the features and for this.

    Args:
        batches: the data set, which has samples that can be read by number.

    Attributes:
        digests: one for each sample, `None` before it was read.
        means: mean of the pixels, NaN where samples are no images.
        deviations: their standard deviation.
        highest: the largest value of a pixel so far.
    """

    def __init__(self, batches: SeededBatches):
        super().__init__(batches)
        self.digests: list[bytes | None] = [None] * self.num_samples
        self.means = np.full(self.num_samples, np.nan)
        self.deviations = np.full(self.num_samples, np.nan)
        self.highest = 0.0

    def read(self, sample_ids: np.ndarray) -> tuple:
        batch = self.batches.read(sample_ids)
        self._note(sample_ids, batch[0])
        return batch

    def known_labels(self) -> Nested:
        return self.batches.known_labels()

    def fingerprint(self) -> str:
        return self.batches.fingerprint()

    def read_what_is_missing(self) -> None:
        """Reads the samples whose features were found in a cache."""
        missing = [i for i, each in enumerate(self.digests) if each is None]
        for start in range(0, len(missing), self.batch_size):
            self.read(np.array(missing[start : start + self.batch_size]))

    def _note(self, sample_ids: np.ndarray, x: Nested) -> None:
        leaves = [np.asarray(leaf) for leaf in keras.tree.flatten(x)]
        for row, number in enumerate(sample_ids):
            parts = [digest_of(leaf[row]) for leaf in leaves]
            self.digests[number] = b"".join(parts)
        if len(leaves) == 1 and leaves[0].ndim == 4:
            self._note_pixels(sample_ids, leaves[0])

    def _note_pixels(self, sample_ids: np.ndarray, images: np.ndarray) -> None:
        pixels = images.reshape(len(images), -1)
        self.means[sample_ids] = pixels.mean(axis=1, dtype="float64")
        self.deviations[sample_ids] = pixels.std(axis=1, dtype="float64")
        self.highest = max(self.highest, float(pixels.max()))
