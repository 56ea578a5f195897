"""Data sets of any kind as numbered items that can be walked over again.

An item is what the order of a training is made of: a sample of arrays or of a
folder of photos, a whole batch of a data set that comes in batches.
"""

import sys
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np

from keras_transfer import _private
from keras_transfer.data.batches import (
    ArrayBatches,
    ReorderedBatches,
    SeededBatches,
)
from keras_transfer.storage import fingerprints


class Samples:
    """A data set to be cached.

    Subclasses implement `chunks`, `order` and `fingerprint`.

    Attributes:
        note: what the user should know about the order, or `None`.
    """

    note = None

    def chunks(self):
        """Yields `(rows_of_items, batch)` in the order of the items.

        `rows_of_items` has the number of rows of each item in the batch.
        """
        raise NotImplementedError

    def rows_of_items(self):
        """Returns the number of rows of each item."""
        raise NotImplementedError

    def order(self, num_items):
        """Returns `SeededBatches` with the order in which items train."""
        raise NotImplementedError

    def fingerprint(self):
        """Returns a digest of all the data."""
        raise NotImplementedError


class Seeded(Samples):
    """`SeededBatches`: arrays, photos, or the batches of a `PyDataset`."""

    def __init__(self, batches):
        self.batches = batches

    def chunks(self):
        size = self.batches.batch_size
        whole = isinstance(self.batches, ReorderedBatches)
        for start in range(0, self.batches.num_samples, size):
            stop = min(start + size, self.batches.num_samples)
            batch = self.batches.read(np.arange(start, stop))
            rows = [_num_rows(batch)] if whole else [1] * (stop - start)
            yield rows, batch

    def rows_of_items(self):
        if not isinstance(self.batches, ReorderedBatches):
            return [1] * self.batches.num_samples
        return [count for rows, _ in self.chunks() for count in rows]

    def order(self, num_items):
        return self.batches

    def fingerprint(self):
        return self.batches.fingerprint()


class Listed(Samples):
    """A data set that can be walked over, in batches, in its own order."""

    def __init__(self, dataset):
        self.dataset = dataset

    def chunks(self):
        for batch in self.dataset:
            batch = _as_arrays(batch)
            yield [_num_rows(batch)], batch

    def rows_of_items(self):
        return [count for rows, _ in self.chunks() for count in rows]

    def order(self, num_items):
        return SeededBatches(num_items, batch_size=1, shuffle=False)

    def fingerprint(self):
        return fingerprints.of_each(batch for _, batch in self.chunks())


class Shuffled(Listed):
    """One that shuffles by itself: its samples, in our seeded order."""

    note = (
        "feature cache: the data set shuffles by itself; with the cache its "
        "samples come in the order of fit's seed instead"
    )

    def __init__(self, dataset, seed):
        super().__init__(dataset)
        self.seed = seed
        self.batch_size = 1

    def chunks(self):
        for index, (rows, batch) in enumerate(super().chunks()):
            if index == 0:
                self.batch_size = rows[0]
            yield [1] * rows[0], batch

    def order(self, num_items):
        return SeededBatches(
            num_items, batch_size=self.batch_size, shuffle=True, seed=self.seed
        )

    def fingerprint(self):
        return _digest_of_rows(self.chunks())


def samples_of(data, *, seed=0):
    """Returns a data set as `Samples`.

    Args:
        data: what `fit` trains on, arrays already wrapped: `SeededBatches`, a
            `tf.data.Dataset`, a torch `DataLoader` or a Grain data set.
        seed: seed of the order, for a data set that shuffles by itself.

    Raises:
        ValueError: it cannot be walked over twice, or is not the same twice.
    """
    if isinstance(data, SeededBatches):
        if not isinstance(data, ArrayBatches):
            _check_same_twice(data, [data.read(np.arange(1)) for _ in range(2)])
        return Seeded(data)
    if hasattr(data, "__next__") or not hasattr(data, "__iter__"):
        raise ValueError(
            "The feature cache needs data that can be walked over again. "
            f"Received: a {type(data).__name__}. Expected arrays, "
            "keras_transfer.data.load, a PyDataset, tf.data or a torch "
            "DataLoader; or drop feature_cache=."
        )
    _check_ends(data)
    if _shuffles(data):
        return Shuffled(data, seed)
    _check_same_twice(data, [next(iter(data)) for _ in range(2)])
    return Listed(data)


def _check_ends(data):
    tf = sys.modules.get("tensorflow")
    if tf is None or not isinstance(data, tf.data.Dataset):
        return
    if data.cardinality() == tf.data.INFINITE_CARDINALITY:
        raise ValueError(
            "The feature cache needs a data set that ends. Received: a "
            "tf.data.Dataset that repeats for ever. Drop `.repeat()` and "
            "steps_per_epoch."
        )


def _shuffles(data):
    torch_data = sys.modules.get("torch.utils.data")
    if torch_data is not None and isinstance(data, torch_data.DataLoader):
        return not isinstance(data.sampler, torch_data.SequentialSampler)
    return _has_shuffle_operation(data)


def _has_shuffle_operation(data):
    """Looks through the steps of a tf.data pipeline."""
    if "shuffle" in type(data).__name__.lower():
        return True
    return any(map(_has_shuffle_operation, _private.pipeline_inputs(data)))


def _check_same_twice(data, batches):
    first, second = (fingerprints.of_arrays(_as_arrays(b)) for b in batches)
    if first != second:
        raise ValueError(
            "The feature cache needs data that are the same in every epoch. "
            f"Received: a {type(data).__name__} whose first batch differs "
            "when it is read again. If it augments, move that into the model "
            "(TransferModel(..., augmentation=...)) and pass "
            "feature_cache=FeatureCache(..., views=K); otherwise drop "
            "feature_cache=."
        )


def _digest_of_rows(chunks):
    """A digest that does not depend on the order of the rows."""
    total = 0
    for _, batch in chunks:
        for row in rows_of(batch):
            total += int(fingerprints.of_arrays(row), 16)
    return f"{total % (1 << 128):032x}"


def rows_of(batch):
    """Yields the samples of a batch, one after the other."""
    for index in range(_num_rows(batch)):
        yield keras.tree.map_structure(
            lambda leaf, i=index: None if leaf is None else leaf[i], batch
        )


def _as_arrays(batch):
    if not isinstance(batch, tuple):
        batch = tuple(batch) if isinstance(batch, list) else (batch,)
    return keras.tree.map_structure(
        lambda leaf: None if leaf is None else np.asarray(leaf), batch
    )


def _num_rows(batch):
    return len(next(x for x in keras.tree.flatten(batch) if x is not None))


def prefetched(iterator):
    """Walks over an iterator one step ahead, in a thread."""
    done = object()
    with ThreadPoolExecutor(1) as executor:
        ahead = executor.submit(next, iterator, done)
        while (item := ahead.result()) is not done:
            ahead = executor.submit(next, iterator, done)
            yield item
