"""Data sets of any kind as numbered items that can be walked over again.

An item is what the order of a training is made of: a sample of arrays or of a
folder of photos, a whole batch of a data set that comes in batches.
"""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

from keras_transfer._private.types import Nested
from keras_transfer.data.batches import ReorderedBatches
from keras_transfer.data.nested import as_tuple, num_rows, take_rows
from keras_transfer.data.seeded_batches import SeededBatches
from keras_transfer.storage import fingerprints


class Samples:
    """A data set as numbered items.

    Subclasses implement:

    - `chunks()`: yields `(rows_of_items, batch)` in the order of the items,
      where `rows_of_items` has the number of rows of each item in the batch;
    - `order(num_items)`: returns `SeededBatches` with the order in which the
      items train;
    - `fingerprint()`: returns a digest of all the data.

    Attributes:
        note: what the user should know about the order, or `None`.
    """

    note: str | None = None

    def chunks(self) -> Iterator[tuple[list[int], Nested]]:
        raise NotImplementedError

    def order(self, num_items: int) -> SeededBatches:
        raise NotImplementedError

    def fingerprint(self) -> str:
        raise NotImplementedError

    def rows_of_items(self) -> list[int]:
        """Returns the number of rows of each item."""
        return [count for rows, _ in self.chunks() for count in rows]


class NumberedSamples(Samples):
    """`SeededBatches`: arrays, photos, or the batches of a `PyDataset`."""

    def __init__(self, batches: SeededBatches):
        self.batches = batches
        self._are_batches = isinstance(batches, ReorderedBatches)

    def chunks(self) -> Iterator[tuple[list[int], Nested]]:
        for numbers in self.batches.numbers_in_batches():
            batch = self.batches.read(numbers)
            whole = [num_rows(batch)] if self._are_batches else None
            yield whole or [1] * len(numbers), batch

    def rows_of_items(self) -> list[int]:
        if self._are_batches:
            return super().rows_of_items()
        return [1] * self.batches.num_samples

    def order(self, num_items: int) -> SeededBatches:
        return self.batches

    def fingerprint(self) -> str:
        return self.batches.fingerprint()


class ListedSamples(Samples):
    """A data set that can be walked over, in batches, in its own order."""

    def __init__(self, dataset: Iterable):
        self.dataset = dataset

    def chunks(self) -> Iterator[tuple[list[int], Nested]]:
        for batch in self.dataset:
            batch = as_tuple(batch)
            yield [num_rows(batch)], batch

    def order(self, num_items: int) -> SeededBatches:
        return SeededBatches(num_items, batch_size=1, shuffle=False)

    def fingerprint(self) -> str:
        return fingerprints.of_each(batch for _, batch in self.chunks())


class ShuffledSamples(ListedSamples):
    """Those of a data set that shuffles by itself, in our seeded order."""

    note = (
        "feature cache: the data set shuffles by itself; with the cache its "
        "samples come in the order of fit's seed instead"
    )

    def __init__(self, dataset: Iterable, seed: int):
        super().__init__(dataset)
        self.seed = seed
        self.batch_size = 1

    def chunks(self) -> Iterator[tuple[list[int], Nested]]:
        for index, (rows, batch) in enumerate(super().chunks()):
            if index == 0:
                self.batch_size = rows[0]
            yield [1] * rows[0], batch

    def order(self, num_items: int) -> SeededBatches:
        return SeededBatches(
            num_items, batch_size=self.batch_size, shuffle=True, seed=self.seed
        )

    def fingerprint(self) -> str:
        """Returns a digest that does not depend on the order of the rows."""
        total = 0
        for _, batch in self.chunks():
            for index in range(num_rows(batch)):
                row = take_rows(batch, index)
                total += int(fingerprints.of_arrays(row), 16)
        return f"{total % (1 << 128):032x}"


def prefetched(iterator: Iterator) -> Iterator:
    """Walks over an iterator one step ahead, in a thread."""
    done = object()
    with ThreadPoolExecutor(1) as executor:
        ahead = executor.submit(next, iterator, done)
        while (item := ahead.result()) is not done:
            ahead = executor.submit(next, iterator, done)
            yield item
