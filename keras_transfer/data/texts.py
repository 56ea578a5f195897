"""Texts that become ids where data are taken in, for models that have a
tokenizer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import keras
import numpy as np

from keras_transfer._private.types import Data, Nested
from keras_transfer.data.views import BatchesView
from keras_transfer.storage import fingerprints

if TYPE_CHECKING:
    from keras_transfer.data.seeded_batches import SeededBatches

# Texts that the length is settled by, where not all are in memory.
_SEEN = 2000
# Objects that are looked at to tell whether an array holds texts.
_LOOKED_AT = 1000


class MakesIds(Protocol):
    """What makes a model's inputs of texts, as the `TextInputs` of a source."""

    names: list[str]
    sequence_length: int | None

    def ids(self, texts: Nested) -> dict[str, np.ndarray]: ...

    def settle(self, texts: Nested) -> None: ...

    def fingerprint(self) -> str: ...

    def is_like(self, other: Any) -> bool: ...  # noqa: ANN401


class TokenizedBatches(BatchesView):
    """Batches of texts, read as ids.

    Args:
        batches: `SeededBatches` of texts.
        texts: makes ids of them.
    """

    def __init__(self, batches: SeededBatches, texts: MakesIds) -> None:
        super().__init__(batches)
        self.texts = texts

    def read(self, sample_ids: np.ndarray) -> tuple:
        x, *rest = self.batches.read(sample_ids)
        return (self.texts.ids(x), *rest)

    def known_labels(self) -> Nested:
        return self.batches.known_labels()

    def fingerprint(self) -> str:
        return fingerprints.of_arrays(
            self.batches.fingerprint(), self.texts.fingerprint()
        )


def settle_by(batches: SeededBatches, texts: MakesIds) -> None:
    """Lets some of the texts of a training decide on the length."""
    if texts.sequence_length is None:
        number = min(batches.num_samples, _SEEN)
        rows = np.linspace(0, batches.num_samples - 1, number).astype(int)
        texts.settle(batches.read(rows)[0])


def check_takes_texts(model: keras.Model) -> None:
    """Makes sure that a model without a tokenizer has an input for texts.

    Raises:
        ValueError: it has none.
    """
    of = getattr(model, "target", model)
    inputs = getattr(of, "inputs", None) or []
    types = [keras.backend.standardize_dtype(each.dtype) for each in inputs]
    if types and "string" not in types:
        raise ValueError(
            f"'{model.name}' takes no texts: it has no tokenizer. Received: "
            f"texts, for inputs of type {', '.join(types)}. Take a source for "
            "texts, TransferModel('hub:PRESET', ...), or make ids of them "
            "(model.tokenize of such a model)."
        )


def tokenized_pipeline(data: Data, texts: MakesIds) -> Data:
    """Returns a `tf.data.Dataset` of texts with ids in place of them."""
    import tensorflow as tf

    def ids(*parts: Any) -> list:
        found = texts.ids(tuple(part.numpy() for part in parts))
        return [found[name] for name in texts.names]

    def with_ids(x: Nested, *rest: Any) -> tuple:
        parts = tf.nest.flatten(x)
        found = tf.py_function(ids, parts, [tf.int32] * len(texts.names))
        for each in found:
            each.set_shape([parts[0].shape[0], texts.sequence_length])
        return (dict(zip(texts.names, found, strict=True)), *rest)

    return data.map(with_ids)


def as_parts(texts: Nested) -> list[np.ndarray]:
    """Returns texts, or pairs of them, as one or two arrays of `str`.

    Raises:
        ValueError: something among them is no text.
    """
    parts = [texts]
    if isinstance(texts, dict):
        parts = list(texts.values())
    elif isinstance(texts, tuple) and not isinstance(texts[0], (str, bytes)):
        parts = list(texts)
    arrays = [np.asarray(part) for part in parts]
    if len(arrays) == 1 and arrays[0].ndim == 2:
        arrays = list(arrays[0].T)
    arrays = [array.reshape(len(array)) for array in arrays]
    if len(arrays) > 2 or len({len(array) for array in arrays}) > 1:
        raise ValueError(
            "Texts are given one by one, or as pairs. Received: "
            f"{len(arrays)} arrays of {[len(a) for a in arrays]} texts. "
            "Expected one, or two of one length."
        )
    return [_decoded(array) for array in arrays]


def _decoded(array: np.ndarray) -> np.ndarray:
    texts = np.empty(len(array), object)
    for row, value in enumerate(array.tolist()):
        if isinstance(value, bytes):
            try:
                value = value.decode()
            except UnicodeDecodeError as error:
                raise ValueError(
                    f"Text {row} is no UTF-8. Received: {value[:40]!r} "
                    f"({error.reason} at byte {error.start}). Decode it with "
                    "its own encoding, and pass str."
                ) from None
        if not isinstance(value, str):
            raise ValueError(
                f"Sample {row} is no text. Received: {value!r} of type "
                f"{type(value).__name__}. Expected str; leave samples without "
                "a text out, or give them an empty one."
            )
        texts[row] = value
    return texts


def holds_texts(x: Nested) -> bool:
    """Whether the inputs of some samples are texts."""
    leaves = keras.tree.flatten(x)
    return bool(leaves) and all(map(_is_text, leaves))


def _is_text(leaf: object) -> bool:
    dtype = getattr(leaf, "dtype", None)
    kind = getattr(dtype, "kind", None)
    if kind == "O":
        some = np.asarray(leaf).reshape(-1)[:_LOOKED_AT]
        return any(isinstance(each, (str, bytes)) for each in some)
    if kind is not None:
        return kind in "US"
    # A tensor, or a text of a list.
    return isinstance(leaf, (str, bytes)) or "string" in str(dtype)
