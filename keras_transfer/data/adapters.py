"""One adapter for every kind of data: nothing else asks what `x` is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Self

import keras
import numpy as np

from keras_transfer._private.types import Data, Nested
from keras_transfer.data import look
from keras_transfer.data.batches import ArrayBatches, ReorderedBatches
from keras_transfer.data.data_adapter import (
    DataAdapter,
    check_same_twice,
    first_inputs,
)
from keras_transfer.data.foreign_adapters import (
    LoaderAdapter,
    OnceAdapter,
    PipelineAdapter,
    UnknownAdapter,
    WalkedAdapter,
    is_tf_dataset,
    is_torch_loader,
)
from keras_transfer.data.nested import are_arrays, as_tensors, cut_off
from keras_transfer.data.samples import NumberedSamples
from keras_transfer.data.seeded_batches import SeededBatches
from keras_transfer.data.texts import (
    TokenizedBatches,
    check_takes_texts,
    holds_texts,
    settle_by,
)

if TYPE_CHECKING:
    from keras_transfer.data.mixing import Mixing
    from keras_transfer.data.samples import Samples

# Values of arrays that are looked at, in samples spread over them.
_VALUES_SEEN = 2**22
_BATCH = 32


class NumberedAdapter(DataAdapter):
    """`SeededBatches`: arrays, photos, whatever is read by number."""

    is_seeded = True

    @property
    def num_samples(self) -> int:  # type: ignore[override]
        return self.data.num_samples

    @property
    def labels(self) -> Nested:
        """The labels of all samples, `None` if reading them costs time."""
        return self.data.known_labels()

    def first(self) -> tuple:
        return self.data[0]

    def with_ids(
        self, model: keras.Model, settles: bool = False
    ) -> NumberedAdapter:
        texts, data = getattr(model, "_texts", None), self.data
        if texts is None:
            if isinstance(data, ArrayBatches) and holds_texts(data.data[0]):
                check_takes_texts(model)
            return self
        if not holds_texts(data.read(np.arange(1))[0]):
            return self
        if settles:
            settle_by(data, texts)
        if not isinstance(data, ArrayBatches):
            return self._with(TokenizedBatches(data, texts))
        x, *_ = data.data
        found = self._with(data.with_inputs(texts.ids(x)))
        found.holds_arrays = self.holds_arrays
        return found

    def examined(self, model: keras.Model, labels: bool = True) -> Self:
        """Looks at inputs of a part of the samples, at labels of all."""
        if look.is_due():
            if isinstance(self.data, ArrayBatches):
                batch = self.data.read(self._spread())
            else:
                batch = self.first()
            known = self.labels if labels else None
            if known is not None:
                batch = (batch[0], known)
            look.examine(batch, model, labels)
        return self

    def _spread(self) -> np.ndarray:
        size = sum(
            np.size(leaf[0]) for leaf in keras.tree.flatten(self.data.data[0])
        )
        count = max(_BATCH, _VALUES_SEEN // max(1, size))
        return spread_numbers(self.num_samples, count)

    def in_training(
        self,
        *,
        devices: int = 1,
        epoch: int = 0,
        steps_per_epoch: int | None = None,
        **options: Any,
    ) -> Self:
        data = self.data if devices == 1 else self.data.for_devices(devices)
        return type(self)(data.starting_at(epoch, steps_per_epoch))

    def mixed(self, mixing: Mixing) -> Self:
        mixing.check(self.data[0])
        return type(self)(self.data.mixed(mixing))

    def walk(self) -> Iterator[tuple]:
        return _by_number(self.data)

    def in_batches_of(self, size: int) -> SeededBatches:
        return self.data.in_batches_of(size)

    def samples(self, seed: int = 0) -> Samples:
        data = self.data
        if not isinstance(data, ArrayBatches):
            check_same_twice(
                self.kind, [data.read(np.arange(1)) for _ in range(2)]
            )
        return NumberedSamples(data)

    def numbered(self, name: str = "data", **order: Any) -> SeededBatches:
        return self.data

    def for_keras(self) -> dict[str, Nested]:
        """Arrays go to Keras as such, which has a faster way for them."""
        if not self.holds_arrays:
            return super().for_keras()
        names = ("x", "y", "sample_weight")
        return dict(zip(names, as_tensors(self.data.data), strict=False))

    def for_validation(self) -> SeededBatches | tuple:
        if not self.holds_arrays:
            return self.data
        return tuple(self.for_keras().values())

    def cut_off(self, fraction: float) -> tuple[DataAdapter, DataAdapter]:
        """Returns `(first, last)`: the last part of arrays split off.

        Raises:
            ValueError: one of them would be empty.
        """
        parts = cut_off(self.data.data, fraction)
        order = {
            name: self.data.order[name]
            for name in ("batch_size", "shuffle", "seed")
        }
        first, last = (adapt(*part, **order) for part in parts)
        return first, last

    def inputs(self, count: int) -> list:
        """As in `DataAdapter`, spread over all samples.

        They often lie class by class.
        """
        numbers = spread_numbers(self.num_samples, count)
        parts = np.split(numbers, range(_BATCH, len(numbers), _BATCH))
        return [self.data.read(part)[0] for part in parts]


class IndexedAdapter(DataAdapter):
    """A `PyDataset` of somebody else: batches that are read by number."""

    def first(self) -> tuple:
        return self.data[0]

    @property
    def keras_shuffles(self) -> bool:  # type: ignore[override]
        return not self._is_plain()

    def in_training(
        self,
        *,
        shuffle: bool = True,
        seed: int = 0,
        devices: int = 1,
        **options: Any,
    ) -> DataAdapter:
        if not self._is_plain() or not (shuffle or devices > 1):
            return self
        data = ReorderedBatches(self.data, shuffle=shuffle, seed=seed)
        return ReorderedAdapter(data).in_training(devices=devices, **options)

    def mixed(self, mixing: Mixing) -> DataAdapter:
        if not self._is_plain():
            return super().mixed(mixing)
        data = ReorderedBatches(self.data, shuffle=False)
        return ReorderedAdapter(data).mixed(mixing)

    def _is_plain(self) -> bool:
        """Whether Keras would read it in this thread, batch after batch."""
        x = self.data
        is_single = x.workers <= 1 and not x.use_multiprocessing
        return is_single and x.num_batches is not None

    def walk(self) -> Iterator[tuple]:
        return _by_number(self.data)

    def samples(self, seed: int = 0) -> Samples:
        return adapt(ReorderedBatches(self.data, shuffle=False)).samples()

    def numbered(self, name: str = "data", **order: Any) -> SeededBatches:
        if not hasattr(self.data, "__len__"):
            raise ValueError(
                f"`{name}` has no end. Received: a {self.kind} without "
                "`__len__`. Expected a PyDataset that says how many batches "
                "it has."
            )
        return super().numbered(name, **order)

    def inputs(self, count: int) -> list:
        return first_inputs(self.walk(), count)


class ReorderedAdapter(NumberedAdapter):
    """`ReorderedBatches`: the items that have numbers are whole batches."""

    num_samples = None
    labels = None

    def in_batches_of(self, size: int) -> SeededBatches:
        return self.data

    def numbered(self, name: str = "data", **order: Any) -> SeededBatches:
        return DataAdapter.numbered(self, name, **order)

    def inputs(self, count: int) -> list:
        return adapt(self.data.batches).inputs(count)


def adapt(
    x: Data,
    y: Nested = None,
    sample_weight: Nested = None,
    *,
    batch_size: int | None = None,
    shuffle: bool = True,
    seed: int = 0,
) -> DataAdapter:
    """Returns the `DataAdapter` for what `fit` is given.

    Args:
        x: arrays, nested as one likes, or a data set.
        y: labels, for arrays.
        sample_weight: weights of the samples, for arrays.
        batch_size: samples a batch, 32 by default, for arrays.
        shuffle: whether arrays are shuffled.
        seed: seed of the order of arrays.

    Raises:
        ValueError: arrays of several numbers of samples.
    """
    if are_arrays(x):
        found = NumberedAdapter(
            ArrayBatches(
                x,
                y,
                sample_weight,
                batch_size=batch_size or _BATCH,
                shuffle=shuffle,
                seed=seed,
            )
        )
        found.holds_arrays = True
        return found
    found = _adapter_of(x)(x)
    # Keras says what it thinks of labels beside a data set.
    found.rest = {"y": y, "sample_weight": sample_weight}
    return found


def _adapter_of(x: Data) -> type[DataAdapter]:
    if isinstance(x, ReorderedBatches):
        return ReorderedAdapter
    if isinstance(x, SeededBatches):
        return NumberedAdapter
    if isinstance(x, keras.utils.PyDataset):
        return IndexedAdapter
    if is_tf_dataset(x):
        return PipelineAdapter
    if is_torch_loader(x):
        return LoaderAdapter
    if hasattr(x, "__next__"):
        return OnceAdapter
    is_walked = hasattr(x, "__iter__") and not isinstance(x, (str, dict, tuple))
    return WalkedAdapter if is_walked else UnknownAdapter


def adapt_packed(data: Data, **order: Any) -> DataAdapter:
    """Returns the `DataAdapter` for arrays `(x, y, weights)` or a data set.

    Args:
        data: a tuple (or list, as in Keras) of arrays, arrays `x` alone, or a
            data set.
        **order: as in `adapt`.
    """
    if isinstance(data, (tuple, list)) and data and are_arrays(data[0]):
        x, y, weights = keras.utils.unpack_x_y_sample_weight(data)
        return adapt(x, y, weights, **order)
    return adapt(data, **order)


def _by_number(batches: keras.utils.PyDataset) -> Iterator[tuple]:
    return (batches[index] for index in range(len(batches)))


def spread_numbers(total: int, count: int) -> np.ndarray:
    """Returns numbers of about `count` samples, spread over all."""
    return np.linspace(0, total - 1, min(count, total)).astype(int)
