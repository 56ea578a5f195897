"""The target's data in parts, and its classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras
import numpy as np

from keras_transfer._private.types import Data
from keras_transfer.data.texts import holds_texts
from keras_transfer.recipes.data_parts import as_numbered, parts

if TYPE_CHECKING:
    from keras_transfer.data.seeded_batches import SeededBatches
    from keras_transfer.models.transfer.transfer_model import TransferModel


def target_parts(
    target: Data, validation: Data, test: Data, *, seed: int
) -> dict[str, SeededBatches]:
    """Returns `SeededBatches` by part: `"train"` first, then what there is.

    Args:
        target: as in `assess_transfer`.
        validation: the same, or `None`.
        test: the same, or `None`.
        seed: seed of the order of arrays.
    """
    if test is None and not isinstance(target, tuple):
        test = getattr(target, "test", None)
    train, validation = parts(target, validation, seed=seed)
    found = {"train": train, "validation": validation}
    if test is not None:
        found["test"] = as_numbered(
            test, "test", batch_size=32, seed=seed, shuffle=False
        )
    return {name: part for name, part in found.items() if part is not None}


def check_inputs(model: keras.Model, batches: SeededBatches, name: str) -> None:
    """Raises unless samples have the shapes that a model takes.

    Args:
        model: the `TransferModel`.
        batches: `SeededBatches`.
        name: what to call them.

    Raises:
        ValueError: another number of inputs, or other shapes.
    """
    x = batches.read(np.arange(1))[0]
    texts = getattr(model, "_texts", None)
    if texts is not None and holds_texts(x):
        x = texts.ids(x)
    found = [np.shape(leaf)[1:] for leaf in keras.tree.flatten(x)]
    expected = [leaf.shape[1:] for leaf in keras.tree.flatten(model.input)]
    fits = [_fits(*pair) for pair in zip(found, expected, strict=False)]
    if len(found) != len(expected) or not all(fits):
        raise ValueError(
            f"The samples of `{name}` do not fit '{model.name}'. Received: "
            f"shapes {found}. Expected: {expected}. Read them at the model's "
            "size: keras_transfer.data.load(..., image_size=)."
        )


def _fits(found: tuple[int, ...], expected: tuple[int | None, ...]) -> bool:
    # A number a sample is what Keras makes a column of.
    if found == () and expected in ((1,), ()):
        return True
    return len(found) == len(expected) and all(
        wanted is None or size == wanted
        for size, wanted in zip(found, expected, strict=True)
    )


def class_names_of(model: TransferModel, train: SeededBatches) -> list[str]:
    """Returns names by label, `"class 0"` and so on where none are known."""
    number = int(model.output_shape[-1])
    names = model.class_names or train.class_names
    if names is None or len(names) != number:
        return [f"class {label}" for label in range(number)]
    return [str(name) for name in names]
