"""`TextInputs`: from texts to the ids that a KerasHub backbone takes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

import keras
import numpy as np

from keras_transfer._private.types import Nested, PathLike
from keras_transfer.backbones.hub.presets import keras_hub
from keras_transfer.data.texts import as_parts
from keras_transfer.storage import fingerprints
from keras_transfer.storage.printing import note

# Of the texts of a training, so many percent are not cut.
_PERCENTILE = 99
# Lengths are a multiple of it.
_STEP = 8
_CHUNK = 1024
_FILE = "texts.json"


class TextInputs:
    """A tokenizer and what it takes to make a model's inputs of texts.

    Ids are made eagerly, by KerasHub's own tokenizer and packer, which need
    no TensorFlow. Texts are padded and cut to one length.

    Args:
        preprocessor: the `TextClassifierPreprocessor` of KerasHub.
        names: names of the inputs that the model has.
        max_length: most tokens that the backbone takes, `None` if it has no
            limit.
        sequence_length: tokens a text, the start and end of it included;
            `None` until `settle` finds it.
    """

    def __init__(
        self,
        preprocessor: keras.layers.Layer,
        names: Sequence[str],
        max_length: int | None = None,
        sequence_length: int | None = None,
    ) -> None:
        self.preprocessor, self.names = preprocessor, list(names)
        self.max_length = max_length
        self.sequence_length = self._checked_length(sequence_length)

    def ids(self, texts: Nested) -> dict[str, np.ndarray]:
        """Returns the model's inputs for texts.

        Args:
            texts: texts, or a pair of as many texts: lists, NumPy arrays or
                Series of `str` or `bytes`.

        Returns:
            A dict of int32 arrays `(texts, sequence_length)`. Before the
            length is settled it is what these texts need.

        Raises:
            ValueError: something among them is no text.
        """
        parts = as_parts(texts)
        length = self.sequence_length or self._length_for(self._counts(parts))
        found = [
            self._packed([part[rows] for part in parts], length)
            for rows in _chunks(len(parts[0]))
        ]
        return {
            name: np.concatenate([each[name] for each in found])
            for name in self.names
        }

    def settle(self, texts: Nested) -> None:
        """Sets the length by the texts of a training, once, and says so.

        It is what 99 % of them need, and at most what the backbone takes.
        """
        if self.sequence_length is not None:
            return
        counts = self._counts(as_parts(texts))
        self.sequence_length = length = self._length_for(counts)
        cut = np.mean(counts > length)
        limit = f", of at most {self.max_length}" if self.max_length else ""
        note(
            f"texts: {length} tokens each{limit}; {cut:.1%} of {len(counts)} "
            "texts are cut (sequence_length= sets it)"
        )

    def save(self, folder: PathLike) -> None:
        """Writes all of it into a folder."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.preprocessor.tokenizer.save_assets(str(folder))
        content = {
            "preprocessor": keras.saving.serialize_keras_object(
                self.preprocessor
            ),
            "names": self.names,
            "max_length": self.max_length,
            "sequence_length": self.sequence_length,
        }
        (folder / _FILE).write_text(json.dumps(content), "utf-8")

    @classmethod
    def load(cls, folder: PathLike) -> Self | None:
        """Returns what `save` has written, `None` if there is nothing.

        Raises:
            ImportError: KerasHub is not installed.
            ValueError: it is not of KerasHub.
        """
        path = Path(folder) / _FILE
        if not path.is_file():
            return None
        content = json.loads(path.read_text("utf-8"))
        config = content.pop("preprocessor")
        if not str(config.get("module")).startswith("keras_hub."):
            raise ValueError(
                "The file holds a tokenizer that is not KerasHub's. Received: "
                f"{config.get('class_name')!r} of {config.get('module')!r}."
            )
        keras_hub()
        preprocessor = keras.saving.deserialize_keras_object(config)
        preprocessor.tokenizer.load_assets(str(folder))
        return cls(preprocessor, **content)

    def fingerprint(self) -> str:
        """Returns a digest of what the ids of a text depend on."""
        length = np.asarray(self.sequence_length or 0)
        return fingerprints.of_arrays(self._of_tokens(), length)

    def is_like(self, other: TextInputs | None) -> bool:
        """Whether another one, if there is one, makes the same ids."""
        return other is None or self._of_tokens() == other._of_tokens()

    def _of_tokens(self) -> str:
        """What decides which id a token has."""
        tokenizer = self.preprocessor.tokenizer
        config = {
            name: value
            for name, value in tokenizer.get_config().items()
            if name not in ("name", "vocabulary", "sequence_length", "dtype")
        }
        kind = type(tokenizer).__name__
        vocabulary = list(tokenizer.get_vocabulary())
        return json.dumps([kind, config, vocabulary], default=str)

    def _counts(self, parts: list[np.ndarray]) -> np.ndarray:
        """Tokens of each text, with the start and the ends of its parts."""
        counts = np.full(len(parts[0]), 1 + len(parts))
        for part in parts:
            for rows in _chunks(len(part)):
                tokens = self.preprocessor.tokenizer(part[rows].tolist())
                counts[rows] += [len(each) for each in tokens]
        return counts

    def _length_for(self, counts: np.ndarray) -> int:
        wanted = np.percentile(counts, _PERCENTILE, method="higher")
        length = int(-(-wanted // _STEP) * _STEP)
        return min(length, self.max_length or length)

    def _packed(
        self, parts: list[np.ndarray], length: int
    ) -> dict[str, np.ndarray]:
        self.preprocessor.sequence_length = length
        lists = tuple(part.tolist() for part in parts)
        # With the labels left out by name a pair is not taken for (x, y).
        packed = self.preprocessor(
            lists if len(lists) > 1 else lists[0], y=None, sample_weight=None
        )
        return {
            name: np.asarray(keras.ops.convert_to_numpy(packed[name]), "int32")
            for name in self.names
        }

    def _checked_length(self, length: int | None) -> int | None:
        if length is None:
            return None
        most = self.max_length or float("inf")
        is_whole = isinstance(length, int) and not isinstance(length, bool)
        if not is_whole or not 2 < length <= most:
            raise ValueError(
                "`sequence_length` is a number of tokens, from 3 to what the "
                f"backbone takes. Received: sequence_length={length!r}. "
                f"Expected at most {self.max_length or 'any number'}."
            )
        return int(length)


def _chunks(number: int) -> Iterator[slice]:
    return (slice(i, i + _CHUNK) for i in range(0, number, _CHUNK))


def text_inputs_of(
    source: str | keras.Model,
    backbone: keras.Model,
    sequence_length: int | None = None,
) -> TextInputs | None:
    """Returns the `TextInputs` of a preset or a task, `None` without any.

    Args:
        source: the folder or name of a preset, or a KerasHub task.
        backbone: the KerasHub backbone.
        sequence_length: as in `TextInputs`.
    """
    given = backbone.input
    if not isinstance(given, dict) or "token_ids" not in given:
        return None
    preprocessor = _preprocessor_of(source)
    if preprocessor is None:
        return None
    limit = getattr(backbone, "max_sequence_length", None)
    return TextInputs(preprocessor, list(given), limit, sequence_length)


def _preprocessor_of(source: str | keras.Model) -> keras.layers.Layer | None:
    if not isinstance(source, str):
        found = getattr(source, "preprocessor", None)
        return found if getattr(found, "tokenizer", None) else None
    kind = keras_hub().models.TextClassifierPreprocessor
    try:
        return kind.from_preset(source)
    except (ValueError, FileNotFoundError, OSError) as error:
        note(
            f"texts: {source!r} comes without a tokenizer for a classifier, so "
            f"the model takes ids ({str(error).splitlines()[0]})"
        )
        return None
