"""What can be done with a data set, whatever its kind."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Self

import keras
import numpy as np

from keras_transfer._private.types import Data, Nested
from keras_transfer.data import look
from keras_transfer.data.batches import ArrayBatches
from keras_transfer.data.mixing import refuse
from keras_transfer.data.nested import as_tuple, concatenated, num_rows
from keras_transfer.data.seeded_batches import OrderOfEpoch
from keras_transfer.data.texts import holds_texts
from keras_transfer.storage import fingerprints
from keras_transfer.storage.memory import available_bytes
from keras_transfer.storage.printing import note

if TYPE_CHECKING:
    from keras_transfer.data.mixing import Mixing
    from keras_transfer.data.samples import Samples
    from keras_transfer.data.seeded_batches import SeededBatches


class DataAdapter:
    """One kind of data behind one set of methods.

    Subclasses implement `first` and `samples`; the rest follows from these.

    Args:
        data: the data set.

    Attributes:
        data: the data set.
        num_samples: samples, or `None` where counting would read them.
        is_repeatable: whether it can be walked over again.
        is_seeded: whether it is `SeededBatches`, with an order of its own.
        holds_arrays: whether it was made of the arrays of a call.
        keras_shuffles: whether it is left to Keras to shuffle it.
        rest: labels and weights that came beside a data set.
    """

    num_samples: int | None = None
    is_repeatable = True
    is_seeded = False
    holds_arrays = False
    keras_shuffles = False

    def __init__(self, data: Data):
        self.data, self.rest = data, {}

    def _with(self, data: Data) -> Self:
        """Returns an adapter like this one for other data."""
        found = type(self)(data)
        found.rest = self.rest
        return found

    @property
    def kind(self) -> str:
        """The name of its type, for messages."""
        return type(self.data).__name__

    @property
    def class_names(self) -> list[str] | None:
        return getattr(self.data, "class_names", None)

    def first(self) -> Nested:
        """Returns the first batch, and leaves the order as it was."""
        raise NotImplementedError

    def looked_at(self, model: keras.Model, labels: bool = True) -> DataAdapter:
        """Examines what can be seen before anything trains.

        Texts become ids, of a length that those with labels decide.

        Args:
            model: the model that is to train on it.
            labels: whether labels are looked at too.

        Returns:
            The adapter to go on with.

        Raises:
            ValueError: as in `look.examine`.
        """
        return self.with_ids(model, labels).examined(model, labels)

    def with_ids(
        self, model: keras.Model, settles: bool = False
    ) -> DataAdapter:
        """Returns the adapter of ids for a model that has a tokenizer.

        Args:
            model: the model.
            settles: whether these are texts of a training, which decide how
                many tokens a text has.

        Raises:
            ValueError: texts in a kind of data that they do not come in.
        """
        texts = getattr(model, "_texts", None)
        if texts is not None and self.is_repeatable:
            x, *_ = as_tuple(self.first())
            if holds_texts(x):
                raise ValueError(
                    "Texts come as lists, arrays, Series, what data.load "
                    f"returns, or tf.data. Received: a {self.kind} of texts. "
                    "Pass one of these, or make ids with model.tokenize."
                )
        return self

    def examined(self, model: keras.Model, labels: bool = True) -> DataAdapter:
        """As `looked_at`, of what is no text."""
        if look.is_due():
            look.examine(self.first(), model, labels)
        return self

    def in_training(
        self,
        *,
        shuffle: bool = True,
        seed: int = 0,
        devices: int = 1,
        epoch: int = 0,
        steps_per_epoch: int | None = None,
    ) -> DataAdapter:
        """Returns the adapter of what Keras is to train on.

        Args:
            shuffle: whether the user wants it shuffled.
            seed: seed of the order, for what has none of its own.
            devices: how many devices share each batch equally.
            epoch: the epoch it begins with.
            steps_per_epoch: as in `fit`.
        """
        return self

    def mixed(self, mixing: Mixing) -> DataAdapter:
        """Returns the adapter of batches whose samples are mixed.

        Args:
            mixing: the `Mixing`.

        Raises:
            ValueError: batches without numbers, or samples that cannot be
                mixed.
        """
        refuse(self.kind)

    def order(self) -> OrderOfEpoch:
        """Returns the callback that tells the data which epoch it is."""
        return OrderOfEpoch(self.data if self.is_seeded else None)

    def for_keras(self) -> dict[str, Nested]:
        """Returns `x`, `y` and `sample_weight` of a call of Keras' own."""
        return {"x": self.data, **self.rest}

    def for_validation(self) -> Data:
        """Returns the `validation_data` of Keras' `fit`."""
        return self.data

    def samples(self, seed: int = 0) -> Samples:
        """Returns the data set as `Samples`, numbered items for a cache.

        Args:
            seed: seed of the order, for a data set that shuffles by itself.

        Raises:
            ValueError: it cannot be walked over twice, or is not the same
                twice.
        """
        raise NotImplementedError

    def numbered(self, name: str = "data", **order: Any) -> SeededBatches:
        """Returns the data set as `SeededBatches`, read into memory once.

        Args:
            name: what to call it in a message.
            **order: `batch_size`, `seed` and `shuffle`, for what has none.

        Raises:
            ValueError: it cannot be walked over, or its samples differ in
                shape.
            MemoryError: it takes more than half of the memory.
        """
        batches, taken = [], 0
        most = (available_bytes() or float("inf")) / 2
        for _, batch in self.samples().chunks():
            batches.append(batch)
            arrays = keras.tree.flatten(batch)
            taken += sum(leaf.nbytes for leaf in arrays if leaf is not None)
            if taken > most:
                raise MemoryError(
                    f"`{name}` is a {self.kind} of more than "
                    f"{taken:,} bytes, half of the memory that is available. "
                    "Recipes read such data sets into memory. Expected "
                    "keras_transfer.data.load, which reads photos as they are "
                    "needed, or fewer samples."
                )
        if not batches:
            raise ValueError(
                f"`{name}` is empty. Received: a {self.kind} without a batch."
            )
        return ArrayBatches(*concatenated(_padded(batches, name)), **order)

    def inputs(self, count: int) -> list:
        """Returns batches of inputs, about `count` samples, for a look.

        Returns:
            A list; empty where looking would use data up or move their order.
        """
        return first_inputs(self.data, count)

    def walk(self) -> Iterator:
        """Returns the batches, read without the clock of `fit`."""
        return iter(self.data)

    def in_batches_of(self, size: int) -> Data:
        """Returns the data set in batches of a size, if it can have one."""
        return self.data

    def is_unlabelled(self) -> bool:
        """Whether samples come without labels, as far as can be told."""
        _, y, _ = keras.utils.unpack_x_y_sample_weight(self.first())
        return y is None

    def num_batches(self) -> int | None:
        """Returns the number of batches; `None` if it is not known."""
        try:
            return len(self.data)
        except TypeError:
            return None


def _padded(batches: list[tuple], name: str) -> list[tuple]:
    """Returns batches whose token ids have one length, filled up with 0.

    As `padded_batch` of `tf.data` has done within each batch.
    """
    lengths = {
        leaf.shape[1]
        for batch in batches
        for leaf in keras.tree.flatten(batch[0])
        if _holds_ids(leaf)
    }
    if len(lengths) < 2:
        return batches
    longest = max(lengths)
    note(
        f"`{name}` has batches of {min(lengths)} to {longest} token ids a "
        "sample: all are filled up to the longest with 0."
    )

    def fill(leaf: np.ndarray) -> np.ndarray:
        if not _holds_ids(leaf):
            return leaf
        return np.pad(leaf, [(0, 0), (0, longest - leaf.shape[1])])

    return [(keras.tree.map_structure(fill, x), *rest) for x, *rest in batches]


def _holds_ids(array: np.ndarray) -> bool:
    return array.ndim == 2 and array.dtype.kind in "iu"


def first_inputs(batches: Iterable, count: int) -> list:
    """Returns the inputs of the first batches, of about `count` samples."""
    found = []
    for batch in batches:
        found.append(keras.utils.unpack_x_y_sample_weight(batch)[0])
        count -= num_rows(found[-1])
        if count <= 0:
            break
    return found


def joined(batches: list) -> Nested:
    """Returns several batches of inputs as one, as arrays."""
    return concatenated(
        keras.tree.map_structure(keras.ops.convert_to_numpy, batches)
    )


def check_ends(kind: str, num_batches: int | None) -> None:
    """Raises if a data set has more batches than can be counted."""
    if num_batches is not None and num_batches >= sys.maxsize:
        raise ValueError(
            "A feature cache, and a recipe, needs a data set that ends. "
            f"Received: a {kind} that repeats for ever. Drop "
            "`.repeat()` and steps_per_epoch."
        )


def check_same_twice(kind: str, batches: list) -> None:
    """Raises if a batch that was read twice is not the same."""
    first, second = (fingerprints.of_arrays(as_tuple(b)) for b in batches)
    if first != second:
        raise ValueError(
            "The feature cache needs data that are the same in every epoch. "
            f"Received: a {kind} whose first batch differs "
            "when it is read again. If it augments, move that into the model "
            "(TransferModel(..., augmentation=...)) and pass "
            "feature_cache=FeatureCache(..., views=K); otherwise drop "
            "feature_cache=."
        )
