"""Arrays, and data sets of others, in batches whose order the seed decides."""

import copy
from typing import Any, Self

import keras
import numpy as np

from keras_transfer._private.types import Nested
from keras_transfer.data.nested import num_rows, take_rows, to_numpy
from keras_transfer.data.seeded_batches import SeededBatches
from keras_transfer.storage import fingerprints


class ArrayBatches(SeededBatches):
    """Arrays in memory, in batches whose order only the seed decides.

    Use it where Keras would take the arrays themselves, when two runs must
    see the same batches: `model.fit(ArrayBatches(x, y, batch_size=32))`.

    Args:
        x: array of shape `(num_samples, ...)`, or nested dicts, tuples and
            lists of them: NumPy, pandas, or tensors of any backend.
        y: labels, likewise, or `None`.
        sample_weight: weights, likewise, or `None`.
        **order: `batch_size`, `shuffle`, `seed` and `steps_per_epoch`, as in
            `SeededBatches`.

    Raises:
        ValueError: where the arrays differ in their number of samples.

    Example:

    ```python
    batches = ArrayBatches(x, y, batch_size=64, seed=1)
    model.fit(batches, epochs=3)
    ```
    """

    def __init__(
        self,
        x: Nested,
        y: Nested = None,
        sample_weight: Nested = None,
        **order: Any,
    ):
        data = (x, y, sample_weight) if sample_weight is not None else (x, y)
        data = data if data[-1] is not None else (x,)
        self.data = tuple(map(to_numpy, data))
        self._leaves = keras.tree.flatten(self.data)
        super().__init__(_common_length(self.data), **order)

    def read(self, sample_ids: np.ndarray) -> tuple:
        # Flat, as this is done for each step.
        rows = [
            None if leaf is None else leaf[sample_ids] for leaf in self._leaves
        ]
        return keras.tree.pack_sequence_as(self.data, rows)

    def with_inputs(self, x: Nested) -> "ArrayBatches":
        """Returns the same samples with other inputs.

        Args:
            x: as many, likewise.
        """
        run = copy.copy(self)
        run.data = (to_numpy(x), *self.data[1:])
        run._leaves = keras.tree.flatten(run.data)
        return run

    def known_labels(self) -> Nested:
        return self.data[1] if len(self.data) > 1 else None

    def fingerprint(self) -> str:
        return fingerprints.of_arrays(self.data)


def _common_length(data: tuple) -> int:
    lengths = {
        leaf.shape[0] for leaf in keras.tree.flatten(data) if leaf is not None
    }
    if len(lengths) != 1:
        raise ValueError(
            "All arrays must hold the same number of samples. Received "
            f"arrays with {sorted(lengths)} samples. A list of arrays is one "
            "array for each input; of single samples make one: np.stack(x)."
        )
    number = lengths.pop()
    if not number:
        raise ValueError("There are no samples. Received: arrays of length 0.")
    return number


class ReorderedBatches(SeededBatches):
    """Somebody else's `PyDataset`, its batches in an order by the seed.

    Keras shuffles the batches of a `PyDataset` by Python's global `random`,
    so that two runs differ. What each batch holds stays the data set's own
    business.

    Args:
        batches: a finite `keras.utils.PyDataset`.
        shuffle: `False` keeps the batches as they lie.
        seed: integer >= 0.
    """

    def __init__(
        self,
        batches: keras.utils.PyDataset,
        *,
        shuffle: bool = True,
        seed: int = 0,
    ):
        super().__init__(len(batches), batch_size=1, shuffle=shuffle, seed=seed)
        self.batches = batches
        self._divisor = 1

    def for_devices(self, count: int) -> Self:
        """The same batches, without what devices cannot share equally."""
        run = copy.copy(self)
        run._divisor = count
        return run

    def read(self, sample_ids: np.ndarray) -> tuple:
        return divisible(self.batches[int(sample_ids[0])], self._divisor)

    def on_epoch_end(self) -> None:
        super().on_epoch_end()
        self.batches.on_epoch_end()


def divisible(batch: Nested, count: int) -> Nested:
    """Returns a batch without its last samples that `count` cannot share.

    Raises:
        ValueError: there are fewer samples than devices.
    """
    if count == 1:
        return batch
    size = num_rows(batch)
    if size < count:
        raise ValueError(
            f"A batch of {size} samples cannot be shared by {count} devices. "
            "Use a batch size that leaves a larger last batch, or drop it."
        )
    return take_rows(batch, slice(size - size % count))
