"""Adapters of data sets that other libraries walk over."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NoReturn

import keras
import numpy as np

from keras_transfer import _private
from keras_transfer._private.types import Data, Nested, Tensor
from keras_transfer.data import look
from keras_transfer.data.batches import divisible
from keras_transfer.data.data_adapter import (
    DataAdapter,
    check_ends,
    check_same_twice,
    first_inputs,
)
from keras_transfer.data.nested import as_tuple
from keras_transfer.data.samples import ListedSamples, ShuffledSamples
from keras_transfer.data.texts import tokenized_pipeline

if TYPE_CHECKING:
    from keras_transfer.data.samples import Samples


class WalkedAdapter(DataAdapter):
    """Whatever can be walked over again: Grain's data sets, lists of batches.

    Grain starts from the same sample however often it is asked.
    """

    def first(self) -> Nested:
        return next(iter(self.data))

    def samples(self, seed: int = 0) -> Samples:
        check_ends(self.kind, self.num_batches())
        if self.shuffles():
            return ShuffledSamples(self.data, seed)
        check_same_twice(self.kind, [next(iter(self.data)) for _ in range(2)])
        return ListedSamples(self.data)

    def shuffles(self) -> bool:
        """Whether any step of it shuffles."""
        return _has_shuffle(self.data)


class PipelineAdapter(WalkedAdapter):
    """`tf.data.Dataset`."""

    def with_ids(
        self, model: keras.Model, settles: bool = False
    ) -> PipelineAdapter:
        texts = getattr(model, "_texts", None)
        if texts is None or not self._holds_texts():
            return self
        if texts.sequence_length is None and settles:
            texts.settle(as_tuple(next(iter(self.data)))[0])
        return self._with(tokenized_pipeline(self.data, texts))

    def _holds_texts(self) -> bool:
        spec = self.data.element_spec
        x = keras.utils.unpack_x_y_sample_weight(spec)[0]
        kinds = [each.dtype.name for each in keras.tree.flatten(x)]
        return bool(kinds) and set(kinds) == {"string"}

    def examined(self, model: keras.Model, labels: bool = True) -> DataAdapter:
        """Adds the look to the pipeline, for its very first batch.

        Taking a batch out beforehand would fill shuffle buffers twice, leave
        a cache half written and move the order of a seeded shuffle.
        """
        if not look.is_due():
            return self
        return self._with(_examined(self.data, model, labels))

    def in_training(self, *, devices: int = 1, **options: Any) -> DataAdapter:
        if devices == 1:
            return self
        return self._with(
            self.data.map(lambda *batch: _divisible_tensors(batch, devices))
        )

    def num_batches(self) -> int | None:
        # -1 is `tf.data.INFINITE_CARDINALITY`, -2 an unknown one.
        cardinality = int(self.data.cardinality())
        if cardinality == -1:
            return sys.maxsize
        return None if cardinality < 0 else cardinality

    def samples(self, seed: int = 0) -> Samples:
        _check_batched(self.data)
        return super().samples(seed)

    def inputs(self, count: int) -> list:
        return []

    def is_unlabelled(self) -> bool:
        spec = self.data.element_spec
        return keras.utils.unpack_x_y_sample_weight(spec)[1] is None


class LoaderAdapter(WalkedAdapter):
    """torch's `DataLoader`."""

    def first(self) -> Nested:
        with order_kept(self.data):
            return super().first()

    def samples(self, seed: int = 0) -> Samples:
        with order_kept(self.data):
            return super().samples(seed)

    def shuffles(self) -> bool:
        from torch.utils.data import SequentialSampler

        return not isinstance(self.data.sampler, SequentialSampler)

    def inputs(self, count: int) -> list:
        with order_kept(self.data):
            return first_inputs(self.data, count)

    def is_unlabelled(self) -> bool:
        try:
            first = self.data.dataset[0]
        except TypeError:  # one that can only be walked over
            first = self.first()
        return keras.utils.unpack_x_y_sample_weight(first)[1] is None


class OnceAdapter(DataAdapter):
    """A generator, or another iterator: its batches come once."""

    is_repeatable = False

    def examined(self, model: keras.Model, labels: bool = True) -> DataAdapter:
        if not look.is_due():
            return self
        first = next(self.data, None)
        if first is None:
            raise ValueError(
                f"There is no batch to read. Received: {self._named()} that "
                "has ended, or never had one. Make it anew for each call."
            )
        look.examine(first, model, labels)
        return self._with(_resumed(first, self.data))

    def in_training(self, *, devices: int = 1, **options: Any) -> DataAdapter:
        if devices == 1:
            return self
        return self._with(divisible(batch, devices) for batch in self.data)

    def samples(self, seed: int = 0) -> NoReturn:
        raise ValueError(
            "The feature cache, and a recipe, needs data that can be walked "
            f"over again. Received: {self._named()}. Expected arrays, "
            "keras_transfer.data.load, a PyDataset, tf.data or a torch "
            "DataLoader; or drop feature_cache=."
        )

    def _named(self) -> str:
        shown = f"{self.data!r}, " if isinstance(self.data, str) else ""
        return f"{shown}a {self.kind}"

    def inputs(self, count: int) -> list:
        return []

    def is_unlabelled(self) -> bool:
        return False

    def num_batches(self) -> int | None:
        return None


class UnknownAdapter(OnceAdapter):
    """What is left to Keras, which may know it or say what it expects."""

    def examined(self, model: keras.Model, labels: bool = True) -> DataAdapter:
        if self.data is None:
            raise ValueError(
                "There are no data. Received: None. Expected arrays or a data "
                "set."
            )
        if isinstance(self.data, str):
            raise ValueError(
                f"Data are arrays or a data set. Received: the text "
                f"{self.data!r}. If it names a folder of photos, pass "
                f"keras_transfer.data.load({self.data!r}).train."
            )
        if hasattr(self.data, "train"):
            raise ValueError(
                "Data are arrays or a data set. Received: all parts of one, a "
                f"{self.kind}. Pass one of them: data.train, and "
                "validation_data=data.validation."
            )
        return self

    def in_training(self, **options: Any) -> DataAdapter:
        return self


def is_tf_dataset(x: object) -> bool:
    """Whether it is a `tf.data.Dataset`, without importing TensorFlow."""
    tf = sys.modules.get("tensorflow")
    return tf is not None and isinstance(x, tf.data.Dataset)


def is_torch_loader(x: object) -> bool:
    """Whether it is a torch `DataLoader`, without importing torch."""
    torch_data = sys.modules.get("torch.utils.data")
    return torch_data is not None and isinstance(x, torch_data.DataLoader)


@contextlib.contextmanager
def order_kept(loader: Data) -> Iterator[None]:
    """Leaves the order of a torch loader as it was before one looked at it."""
    torch = sys.modules["torch"]
    state = torch.random.get_rng_state()
    own = getattr(loader, "generator", None)
    own_state = None if own is None else own.get_state()
    try:
        yield
    finally:
        torch.random.set_rng_state(state)
        if own is not None:
            own.set_state(own_state)


def _has_shuffle(data: Data) -> bool:
    if "shuffle" in type(data).__name__.lower():
        return True
    return any(map(_has_shuffle, _private.pipeline_inputs(data)))


def _resumed(first: Nested, rest: Iterator) -> Iterator:
    # Keras takes generators, but no other iterators.
    yield first
    yield from rest


def _check_batched(dataset: Data) -> None:
    """Raises for a pipeline of single samples, as far as that can be told."""
    leaves = keras.tree.flatten(dataset.element_spec)
    shapes = [getattr(leaf, "shape", None) for leaf in leaves]
    if any(shape is not None and shape.rank == 0 for shape in shapes):
        raise ValueError(
            "A data set gives batches. Received: a "
            f"{type(dataset).__name__} of elements {dataset.element_spec}, "
            "one of them a single value: samples one by one. Call .batch(32) "
            "on it first."
        )


def _divisible_tensors(batch: tuple, count: int) -> Nested:
    """`divisible` of the tensors in a `tf.data` pipeline."""
    batch = batch[0] if len(batch) == 1 else batch
    size = keras.ops.shape(keras.tree.flatten(batch)[0])[0]
    return keras.tree.map_structure(lambda x: x[: size - size % count], batch)


def _examined(dataset: Data, model: keras.Model, labels: bool) -> Data:
    # TensorFlow is not imported here: whoever made the data set has done so.
    tf = sys.modules["tensorflow"]
    seen = []

    def examine(*leaves: Any) -> np.int64:
        if not seen:
            seen.append(True)
            packed = keras.tree.pack_sequence_as(
                dataset.element_spec, [leaf.numpy() for leaf in leaves]
            )
            look.examine(packed, model, labels)
        return np.int64(0)

    def with_look(index: Tensor, element: Nested) -> Nested:
        leaves = keras.tree.flatten(element)
        outcome = tf.cond(
            tf.equal(index, 0),
            lambda: tf.py_function(examine, leaves, tf.int64),
            lambda: tf.constant(0, tf.int64),
        )
        with tf.control_dependencies([outcome]):
            return tf.nest.map_structure(tf.identity, element)

    spec = keras.tree.flatten(dataset.element_spec)
    if not all(isinstance(leaf, tf.TensorSpec) for leaf in spec):
        return dataset
    return dataset.enumerate().map(with_look)
