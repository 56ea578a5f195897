"""Samples of other data sets under numbers of their own."""

from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
from numpy.typing import ArrayLike

from keras_transfer._private.types import Nested
from keras_transfer.data.nested import (
    concatenated,
    integer_labels,
    take_rows,
)
from keras_transfer.data.seeded_batches import SeededBatches
from keras_transfer.storage import fingerprints


class BatchesView(SeededBatches):
    """Base of data sets that are made of another, in an order like its own.

    Args:
        batches: the other data set, `SeededBatches`.
        num_samples: how many samples there are; `None` is the same number in
            the same steps, shared by the same devices.
        **order: what else differs from the order of `batches`.
    """

    def __init__(
        self,
        batches: SeededBatches,
        num_samples: int | None = None,
        **order: Any,
    ):
        if num_samples is None:
            num_samples = batches.num_samples
        else:
            order |= {"steps_per_epoch": None, "devices": 1}
        super().__init__(num_samples, **batches.order | order)
        self.batches = batches
        self.class_names = batches.class_names
        self.class_weight = batches.class_weight


class SubsetBatches(BatchesView):
    """Chosen samples of `SeededBatches`, read from there.

    Args:
        batches: the data set, which has samples that can be read by number.
        indices: numbers of the samples, integers `(num_samples,)`.
        shuffle: `None` is as in `batches`.

    Raises:
        ValueError: there is nothing to choose, or a number is out of range.

    Example:

    ```python
    batches = ArrayBatches(images, labels)
    half = SubsetBatches(batches, np.arange(0, batches.num_samples, 2))
    ```
    """

    def __init__(
        self,
        batches: SeededBatches,
        indices: ArrayLike,
        *,
        shuffle: bool | None = None,
    ):
        self.indices = np.asarray(indices, "int64").reshape(-1)
        super().__init__(
            batches,
            len(self.indices),
            shuffle=batches.shuffle if shuffle is None else shuffle,
        )
        lowest, highest = self.indices.min(), self.indices.max()
        if lowest < 0 or highest >= batches.num_samples:
            raise ValueError(
                f"Samples have numbers from 0 to {batches.num_samples - 1}. "
                f"Received: indices from {lowest} to {highest}."
            )

    def read(self, sample_ids: np.ndarray) -> tuple:
        return self.batches.read(self.indices[sample_ids])

    def known_labels(self) -> Nested:
        labels = self.batches.known_labels()
        return None if labels is None else take_rows(labels, self.indices)

    def fingerprint(self) -> str:
        return fingerprints.of_arrays(self.batches.fingerprint(), self.indices)


class WithClassWeights(BatchesView):
    """The same samples, weighted by their class as `class_weight` of `fit`.

    Args:
        batches: `SeededBatches` of `(x, y)` or `(x, y, sample_weight)`, with
            integer or one-hot labels.
        class_weight: a dict from classes to weights; 1 for all others.
    """

    def __init__(
        self, batches: SeededBatches, class_weight: dict[int, float]
    ) -> None:
        super().__init__(batches)
        self.class_weight: dict[int, float] = dict(class_weight)

    def read(self, sample_ids: np.ndarray) -> tuple:
        x, y, *weights = self.batches.read(sample_ids)
        found = weights_of_samples(y, self.class_weight)
        if weights:
            found = found * np.asarray(weights[0])
        return x, y, found

    def known_labels(self) -> Nested | None:
        return self.batches.known_labels()

    def fingerprint(self) -> str:
        weights = sorted(self.class_weight.items())
        return fingerprints.of_arrays(
            self.batches.fingerprint(), np.asarray(weights, "float64")
        )


def weights_of_samples(
    labels: ArrayLike, class_weight: dict[int, float]
) -> np.ndarray:
    """Returns the weight of each sample, 1 for classes without one.

    Args:
        labels: integers or one-hot.
        class_weight: a dict from classes to weights.

    Returns:
        A float32 array `(samples,)`.
    """
    classes = integer_labels(labels)
    found = [class_weight.get(int(each), 1.0) for each in classes]
    return np.asarray(found, "float32")


class JoinedInputs(SeededBatches):
    """The samples of several data sets, one after the other, without labels.

    Args:
        parts: `SeededBatches` whose inputs have the same structure and
            shapes.
        batch_size: samples a batch.
        seed: seed of the order.

    Raises:
        ValueError: inputs that are not alike.

    Example:

    ```python
    every = JoinedInputs([labelled, unlabelled])
    matcher.fit(every, epochs=5)
    ```
    """

    def __init__(
        self,
        parts: Iterable[SeededBatches],
        *,
        batch_size: int = 32,
        seed: int = 0,
    ):
        self.parts = list(parts)
        _check_alike(self.parts)
        self.starts = np.cumsum([0, *(p.num_samples for p in self.parts)])
        super().__init__(int(self.starts[-1]), batch_size=batch_size, seed=seed)

    def read(self, sample_ids: np.ndarray) -> tuple:
        sample_ids = np.asarray(sample_ids)
        owners = np.searchsorted(self.starts, sample_ids, side="right") - 1
        found = [
            self.parts[owner].read(
                sample_ids[owners == owner] - self.starts[owner]
            )[0]
            for owner in np.unique(owners)
        ]
        # They lie owner by owner now, and belong where they were asked for.
        places = np.argsort(np.argsort(owners, kind="stable"))
        return (take_rows(concatenated(found), places),)

    def fingerprint(self) -> str:
        names = "".join(part.fingerprint() for part in self.parts)
        return fingerprints.of_arrays(names)


def _check_alike(parts: list[SeededBatches]) -> None:
    shapes = [_shapes(part.read(np.arange(1))[0]) for part in parts]
    for found in shapes[1:]:
        if found != shapes[0]:
            raise ValueError(
                "Data sets are trained on together, and their samples are not "
                f"of one shape. Received: {shapes[0]} and {found} (labelled "
                "samples first). Resize them to one size, as data.load does "
                "with image_size=."
            )


def _shapes(inputs: Nested) -> str:
    # As text: a structure of tuples is one of other structures to Keras.
    return str(keras.tree.map_structure(lambda x: str(np.shape(x)[1:]), inputs))
