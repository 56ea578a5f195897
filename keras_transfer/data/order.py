"""The order of samples in `fit`, and who is told about it."""

import keras

from keras_transfer.data.seeded_batches import SeededBatches


class OrderOfEpoch(keras.callbacks.Callback):
    """Tells a seeded data set which epoch it is, also after a resume."""

    batches = None

    def on_epoch_begin(self, epoch, logs=None):
        if self.batches is not None:
            self.batches.epoch = epoch


def with_callback(callbacks, extra):
    """Returns `callbacks` (one, several, a list object or none) and `extra`."""
    if isinstance(callbacks, keras.callbacks.CallbackList):
        callbacks.append(extra)
        return callbacks
    if callbacks is None:
        return [extra]
    if isinstance(callbacks, keras.callbacks.Callback):
        return [callbacks, extra]
    return [*callbacks, extra]


def is_foreign_py_dataset(x):
    """Whether `x` is a `PyDataset` that does not come from this package."""
    return isinstance(x, keras.utils.PyDataset) and not isinstance(
        x, SeededBatches
    )


def is_plain_py_dataset(x):
    """Whether Keras would read `x` in this thread, batch after batch."""
    return (
        is_foreign_py_dataset(x)
        and x.workers <= 1
        and not x.use_multiprocessing
        and x.num_batches is not None
    )
