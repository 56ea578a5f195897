"""Activations that were computed, as a data set to train on."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from keras_transfer._private.types import Nested
from keras_transfer.data.nested import take_rows
from keras_transfer.data.views import BatchesView

if TYPE_CHECKING:
    from keras_transfer.data.batches import ArrayBatches
    from keras_transfer.data.samples import Samples
    from keras_transfer.data.seeded_batches import SeededBatches
    from keras_transfer.feature_cache.rows import FileRows, MemoryRows

# The key under which a TransferModel finds activations in its input.
FEATURES = "cached_features"


@dataclasses.dataclass
class CachedFeatures:
    """Activations of a data set, with its labels and weights.

    Attributes:
        views: for each view a list of stores of rows, one for each tensor at
            the boundary.
        rest: what came with each sample: `(y,)`, `(y, weights)` or `()`.
        starts: number of the first row of each item, and that of all rows.
        samples: the `Samples` they were made of.
        is_several: whether several tensors cross the boundary.
        seconds: what the pass took; 0 if it was found on disk.
    """

    views: list
    rest: tuple
    starts: np.ndarray
    samples: Samples
    is_several: bool
    seconds: float = 0.0

    @property
    def rows(self) -> np.ndarray:
        """The numbers of all rows."""
        return np.arange(self.num_rows)

    @property
    def ids(self) -> np.ndarray:
        """The number of the item (sample or batch) that each row is of."""
        return np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))

    @property
    def num_rows(self) -> int:
        return int(self.starts[-1])

    def take(
        self, rows: np.ndarray, view: int = 0
    ) -> np.ndarray | tuple[np.ndarray, ...]:
        """Returns the activations of some rows: an array, or several."""
        # A tuple, since a data set of TensorFlow takes no list.
        tensors = tuple(store.take(rows) for store in self.views[view])
        return tensors if self.is_several else tensors[0]

    def rest_of(self, rows: np.ndarray) -> Nested:
        """Returns the labels and weights of some rows."""
        return take_rows(self.rest, rows)

    def part(self, items: np.ndarray) -> CachedFeatures:
        """Returns the `CachedFeatures` of some items of one row each."""
        return dataclasses.replace(
            self,
            views=[
                [ChosenRows(store, items) for store in stores]
                for stores in self.views
            ],
            rest=self.rest_of(items),
            starts=np.arange(len(items) + 1),
            seconds=0.0,
        )

    def batches(self, like: ArrayBatches | None = None) -> CachedBatches:
        """Returns `SeededBatches` of activations, in the data set's order."""
        order = like or self.samples.order(len(self.starts) - 1)
        return CachedBatches(self, order)


class ChosenRows:
    """Some rows of a store, under numbers of their own."""

    def __init__(
        self, store: MemoryRows | FileRows | ChosenRows, rows: np.ndarray
    ):
        self.store, self.rows = store, rows

    def take(self, rows: np.ndarray) -> np.ndarray:
        return self.store.take(self.rows[rows])


class CachedBatches(BatchesView):
    """Batches of `({"cached_features": ...}, y, weights)`.

    Args:
        cached: the `CachedFeatures`.
        order: `SeededBatches` whose order, batch size and seed they have.
    """

    def __init__(self, cached: CachedFeatures, order: SeededBatches):
        super().__init__(order)
        self.cached = cached
        self._one_row_each = (np.diff(cached.starts) == 1).all()

    def read(self, sample_ids: np.ndarray) -> tuple:
        return self._read(sample_ids, view=0)

    def _batch(self, epoch: int, position: int) -> tuple:
        view = epoch % len(self.cached.views)
        return self._read(self.sample_ids(position, epoch), view)

    def _read(self, sample_ids: np.ndarray, view: int) -> tuple:
        rows = self._rows_of(np.asarray(sample_ids))
        features = {FEATURES: self.cached.take(rows, view)}
        return (features, *self.cached.rest_of(rows))

    def _rows_of(self, items: np.ndarray) -> np.ndarray:
        if self._one_row_each:
            return items
        starts = self.cached.starts
        return np.concatenate(
            [np.arange(starts[i], starts[i + 1]) for i in items]
        )
