"""Data that Keras reads in one run, and that it does not keep afterwards.

Keras on TensorFlow reads a `PyDataset`, a generator and a torch `DataLoader`
by `tf.data.Dataset.from_generator`, which TensorFlow keeps until the process
ends, and with it all that the generator refers to: the arrays of each `fit`,
the open files of a feature cache.
"""

import contextlib
import copy
import itertools
import types
from collections.abc import Callable, Iterator

import keras
import numpy as np

from keras_transfer._private.types import Data, Nested
from keras_transfer.data.foreign_adapters import is_torch_loader

# Batches of a generator that Keras looks at before it reads the others.
_PEEKED = 2


@contextlib.contextmanager
def lent(*data: Data) -> Iterator[list]:
    """Yields what Keras may read in place of `data` while the context lasts.

    Args:
        *data: what Keras' `fit`, `evaluate` or `predict` is to read; arrays
            and the rest that it does not keep are passed on as they are.

    Yields:
        A list of as many.
    """
    with contextlib.ExitStack() as ends:
        yield [_lent(each, ends) for each in data]


def _lent(data: Data, ends: contextlib.ExitStack) -> Data:
    if isinstance(data, keras.utils.PyDataset):
        found = LentDataset(data)
        ends.callback(found.give_back)
    elif isinstance(data, types.GeneratorType):
        source = [data]
        found = _passed_on(source)
        ends.callback(source.clear)
    elif is_torch_loader(data):
        found = copy.copy(data)
        ends.callback(vars(found).clear)
    else:
        found = data
    return found


class LentDataset(keras.utils.PyDataset):
    """A `PyDataset` that reads another one until it is given back.

    Args:
        dataset: the other one.
    """

    def __init__(self, dataset: keras.utils.PyDataset):
        super().__init__()
        self.dataset, self.last = dataset, None

    def give_back(self) -> None:
        """Lets go of the other data set."""
        self.dataset, self.last = None, _zeros_like(self.last)

    @property
    def workers(self) -> int:
        return self.dataset.workers

    @property
    def use_multiprocessing(self) -> bool:
        return self.dataset.use_multiprocessing

    @property
    def max_queue_size(self) -> int:
        return self.dataset.max_queue_size

    @property
    def num_batches(self) -> int | None:
        return self.dataset.num_batches

    def __getitem__(self, index: int) -> Nested:
        dataset = self.dataset
        if dataset is None:
            # After a `fit` that was interrupted TensorFlow reads on in a
            # thread, for nobody, and would log an error.
            return self.last
        batch = dataset[index]
        if self.dataset is not None:
            self.last = batch
        return batch

    def on_epoch_begin(self) -> None:
        self.dataset.on_epoch_begin()

    def on_epoch_end(self) -> None:
        self.dataset.on_epoch_end()


def _passed_on(source: list) -> Iterator:
    """Yields the batches of the generator in a list, until it is emptied."""
    for index in itertools.count():
        try:
            batch = next(source[0])
        except (IndexError, StopIteration):
            return
        # Keras keeps the first ones, and of a part of an array all of it.
        yield batch if index >= _PEEKED else _cut_out(batch)


def _cut_out(batch: Nested) -> Nested:
    return _of_arrays(np.copy, batch)


def _zeros_like(batch: Nested) -> Nested:
    """Returns zeros of the shapes in a batch, which take no memory."""
    return _of_arrays(
        lambda x: np.broadcast_to(np.zeros((), x.dtype), x.shape), batch
    )


def _of_arrays(
    function: Callable[[np.ndarray], np.ndarray], batch: Nested
) -> Nested:
    return keras.tree.map_structure(
        lambda x: function(x) if isinstance(x, np.ndarray) else x, batch
    )
