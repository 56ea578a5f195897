"""Pictures turned left to right: twice the samples for a head."""

import keras
import numpy as np

from keras_transfer.data.batches import SeededBatches
from keras_transfer.storage import fingerprints


class WithMirrored(SeededBatches):
    """Data and, behind all of them, the same turned left to right.

    Args:
        batches: the data set, of one input `(height, width, channels)`, or
            with the channels first where Keras is set to that.
    """

    def __init__(self, batches):
        super().__init__(
            2 * batches.num_samples,
            batch_size=batches.batch_size,
            shuffle=False,
        )
        self.batches = batches

    def read(self, sample_ids):
        number = self.batches.num_samples
        x, *rest = self.batches.read(sample_ids % number)
        (pictures,) = keras.tree.flatten(x)
        pictures = np.array(pictures)
        turned = sample_ids >= number
        first = keras.config.image_data_format() == "channels_first"
        pictures[turned] = np.flip(pictures[turned], axis=-1 if first else -2)
        return (keras.tree.pack_sequence_as(x, [pictures]), *rest)

    def read_labels(self):
        return np.concatenate([self.batches.read_labels()] * 2)

    def fingerprint(self):
        return fingerprints.of_arrays(
            f"with mirrored {self.batches.fingerprint()}"
        )


def takes_pictures(model):
    """Whether a model has one input, with height, width and channels."""
    shapes = [each.shape for each in model.inputs]
    return len(shapes) == 1 and len(shapes[0]) == 4


def folds_of_both(folds, num_samples):
    """Folds of samples and, behind them, their copies.

    Args:
        folds: pairs `(rows to fit, rows to validate)`, or `None`.
        num_samples: samples without the copies.

    Returns:
        The same folds: the copies of what is fitted are fitted too, and
        nothing is validated on copies.
    """
    if folds is None:
        return None
    return [
        (np.concatenate([fit, fit + num_samples]), validate)
        for fit, validate in folds
    ]
