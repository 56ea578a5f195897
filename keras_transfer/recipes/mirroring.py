"""Pictures turned left to right: twice the samples for a head."""

import keras
import numpy as np

from keras_transfer import fingerprints
from keras_transfer.batches import SeededBatches


class MirroredBatches(SeededBatches):
    """Data whose pictures are turned left to right, in the order they lie.

    Args:
        batches: the data set, of one input `(height, width, channels)`, or
            with the channels first where Keras is set to that.
    """

    def __init__(self, batches):
        super().__init__(
            batches.num_samples, batch_size=batches.batch_size, shuffle=False
        )
        self.batches = batches

    def read(self, sample_ids):
        x, *rest = self.batches.read(sample_ids)
        (pictures,) = keras.tree.flatten(x)
        first = keras.config.image_data_format() == "channels_first"
        turned = np.flip(np.asarray(pictures), axis=-1 if first else -2)
        return (keras.tree.pack_sequence_as(x, [turned]), *rest)

    def read_labels(self):
        return self.batches.read_labels()

    def fingerprint(self):
        turned = f"mirrored {self.batches.fingerprint()}"
        return fingerprints.of_arrays(np.frombuffer(turned.encode(), "uint8"))


def takes_pictures(model):
    """Whether a model has one input, with height, width and channels."""
    shapes = [each.shape for each in model.inputs]
    return len(shapes) == 1 and len(shapes[0]) == 4


def joined(part, other):
    """Returns the samples of two parts of `(x, y[, weights])` as one."""
    return tuple(np.concatenate(pair) for pair in zip(part, other, strict=True))


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
