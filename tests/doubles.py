"""Small data of every kind, and callbacks that watch a training or end it."""

import keras
import numpy as np
import pytest

import keras_transfer as kt


def vectors(num=20, seed=0, features=6, classes=3):
    """Returns normal numbers, and labels that say nothing about them."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(num, features)).astype("float32")
    return x, np.arange(num) % classes


class Batches(keras.utils.PyDataset):
    """A user's data set of batches, the last one smaller."""

    def __init__(self, x, y, batch_size=8):
        super().__init__()
        self.x, self.y, self.batch_size = x, y, batch_size

    def __len__(self):
        return -(-len(self.x) // self.batch_size)

    def __getitem__(self, index):
        where = slice(self.batch_size * index, self.batch_size * (index + 1))
        return self.x[where], self.y[where]


class DrawnBatches(Batches):
    """Other numbers each time they are read."""

    def __getitem__(self, index):
        x, y = super().__getitem__(index)
        return x + np.random.normal(size=x.shape).astype("float32"), y


def tf_data(x, y, batch_size=8):
    tf = pytest.importorskip("tensorflow")
    return tf.data.Dataset.from_tensor_slices((x, y)).batch(batch_size)


def torch_loader(x, y, batch_size=8, **options):
    torch = pytest.importorskip("torch")
    samples = torch.utils.data.TensorDataset(
        torch.from_numpy(x), torch.from_numpy(y)
    )
    return torch.utils.data.DataLoader(
        samples, batch_size=batch_size, **options
    )


def generator(x, y, batch_size=8):
    for start in range(0, len(x), batch_size):
        where = slice(start, start + batch_size)
        yield x[where], y[where]


class Interrupt(keras.callbacks.Callback):
    """Raises in an epoch: at its "begin", its "end" or after a batch of it."""

    def __init__(self, epoch, where=1, error=KeyboardInterrupt):
        super().__init__()
        self.place, self.error = (epoch, where), error

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch
        self._reached("begin")

    def on_train_batch_end(self, batch, logs=None):
        self._reached(batch)

    def on_epoch_end(self, epoch, logs=None):
        self._reached("end")

    def _reached(self, where):
        if (self.epoch, where) == self.place:
            raise self.error  # A class, or an exception with its message.


class SetsDepth(keras.callbacks.Callback):
    """A user's own way of unfreezing: a depth by epoch and number of blocks."""

    def __init__(self, schedule):
        super().__init__()
        self.schedule = schedule

    def on_epoch_begin(self, epoch, logs=None):
        self._set(epoch)

    def _set(self, epoch):
        depth = self.schedule(epoch, len(self.model.blocks))
        kt.set_trainable_depth(self.model, depth)


class SetsDepthAtEnd(SetsDepth):
    def on_epoch_begin(self, epoch, logs=None):
        pass

    def on_epoch_end(self, epoch, logs=None):
        self._set(epoch)


class EpochLog(keras.callbacks.Callback):
    """Keeps the number, depth and rate of each epoch as it begins."""

    def __init__(self):
        super().__init__()
        self.epochs, self.depths, self.rates = [], [], []

    def on_epoch_begin(self, epoch, logs=None):
        self.epochs.append(epoch)
        self.depths.append(getattr(self.model, "trainable_depth", None))
        self.rates.append(float(self.model.optimizer.learning_rate))
