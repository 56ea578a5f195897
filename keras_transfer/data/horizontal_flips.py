"""Images turned left to right: twice the samples for a head."""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras
import numpy as np

from keras_transfer._private.types import Nested
from keras_transfer.data.nested import concatenated
from keras_transfer.data.views import BatchesView
from keras_transfer.storage import fingerprints
from keras_transfer.transferability.folds import Folds

if TYPE_CHECKING:
    from keras_transfer.data.seeded_batches import SeededBatches


class WithFlips(BatchesView):
    """Data and, behind all of them, the same turned left to right.

    Args:
        batches: the data set, of one input `(height, width, channels)`, or
            with the channels first where Keras is set to that.
    """

    def __init__(self, batches: SeededBatches):
        super().__init__(batches, 2 * batches.num_samples, shuffle=False)

    def read(self, sample_ids: np.ndarray) -> tuple:
        number = self.batches.num_samples
        x, *rest = self.batches.read(sample_ids % number)
        (images,) = keras.tree.flatten(x)
        images = np.array(images)
        turned = sample_ids >= number
        first = keras.config.image_data_format() == "channels_first"
        images[turned] = np.flip(images[turned], axis=-1 if first else -2)
        return (keras.tree.pack_sequence_as(x, [images]), *rest)

    def known_labels(self) -> Nested:
        labels = self.batches.known_labels()
        return None if labels is None else concatenated([labels, labels])

    def fingerprint(self) -> str:
        # Caches on disk know it under this name.
        name = f"with flipped {self.batches.fingerprint()}"
        return fingerprints.of_arrays(name)


def takes_images(model: keras.Model) -> bool:
    """Whether a model has one input, with height, width and channels."""
    shapes = [each.shape for each in model.inputs]
    return len(shapes) == 1 and len(shapes[0]) == 4


def folds_with_flips(folds: Folds | None, num_samples: int) -> Folds | None:
    """Folds of samples and, behind them, their flips.

    Args:
        folds: pairs `(rows to fit, rows to validate)`, or `None`.
        num_samples: samples without the flips.

    Returns:
        The same folds: the flips of what is fitted are fitted too, and
        nothing is validated on flips.
    """
    if folds is None:
        return None
    return [
        (np.concatenate([fit, fit + num_samples]), validate)
        for fit, validate in folds
    ]
