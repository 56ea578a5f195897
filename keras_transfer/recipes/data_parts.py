"""The data of a recipe, divided into those to train and to validate on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from keras_transfer._private.types import Data
from keras_transfer.data.adapters import adapt, adapt_packed
from keras_transfer.data.class_weights import (
    ClassWeight,
    check_takes_class_weights,
    with_class_weights,
)
from keras_transfer.data.label_checks import check_labels
from keras_transfer.data.sampling import train_validation_split
from keras_transfer.data.unlabelled import check_unlabelled
from keras_transfer.data.views import SubsetBatches

if TYPE_CHECKING:
    from keras_transfer.data.seeded_batches import SeededBatches

# Of the training data, where a part of it decides about what was trained.
HELD_OUT = 0.2


def parts(
    train: Data,
    validation: Data,
    *,
    model: keras.Model | None = None,
    held_out: float = 0,
    batch_size: int = 32,
    seed: int = 0,
    class_weight: ClassWeight | None = None,
    num_classes: int | None = None,
) -> tuple[SeededBatches, SeededBatches | None]:
    """Returns `(train, validation)` as `SeededBatches`, looked at.

    Args:
        train: what `data.load` returns (any object with `.train` and
            `.validation`), arrays `(x, y)` or `(x, y, sample_weight)`,
            `SeededBatches`, a `PyDataset`, a `tf.data.Dataset`, a torch
            `DataLoader` or a Grain data set. The last four are read into
            memory once.
        validation: the same but for the first, or `None`.
        model: the compiled model that is to train on them; without one they
            are not looked at.
        held_out: share of `train` to hold out where there is no validation.
        batch_size: samples a step, for what has none of its own.
        seed: seed of the order, for what has none of its own.
        class_weight: as in `weights_by_class`; both parts are weighted by it.
        num_classes: number of classes, where there is no model.

    Raises:
        ValueError: samples without labels, class weights that do not fit,
            data that cannot be walked over, or that do not fit the model.
        MemoryError: a data set that does not fit into memory.
    """
    if not isinstance(train, tuple) and hasattr(train, "validation"):
        validation = train.validation if validation is None else validation
        train = train.train
    options = {"batch_size": batch_size, "seed": seed}
    train = _labelled(train, "train", options)
    if model is not None:
        train = adapt(train).looked_at(model).data
    if validation is not None:
        options["shuffle"] = False
        validation = _labelled(validation, "validation", options)
        if model is not None:
            validation = adapt(validation).with_ids(model).data
            check_labels(validation.known_labels(), model)
    if class_weight is not None:
        train, validation = _weighted(
            train, validation, class_weight, model, num_classes
        )
    if validation is None and held_out:
        train, validation = hold_out(train, held_out, seed)
    return train, validation


def _weighted(
    train: SeededBatches,
    validation: SeededBatches | None,
    class_weight: ClassWeight,
    model: keras.Model | None,
    num_classes: int | None,
) -> tuple[SeededBatches, SeededBatches | None]:
    names = None
    if model is not None:
        num_classes, names = model.output_shape[-1], model.class_names
        activation = getattr(model.head, "activation", None)
        check_takes_class_weights(activation, num_classes)
    return with_class_weights(
        train, validation, class_weight, num_classes, names
    )


def as_numbered(data: Data, name: str, **options: Any) -> SeededBatches:
    """Returns data, with labels or without, as `SeededBatches`.

    Args:
        data: as in `parts`, or arrays `x` alone.
        name: what to call them in a message. `"unlabelled"` may have no
            labels.
        **options: `batch_size` and `seed`, as in `parts`.

    Raises:
        ValueError: labels where there should be none.
    """
    batches = _numbered(getattr(data, "train", data), name, options)
    if name == "unlabelled":
        check_unlabelled(batches, name)
    return batches


def in_passes_of(batches: SeededBatches, batch_size: int) -> SeededBatches:
    """Returns the same samples in other batches, each epoch one pass."""
    run = batches.in_batches_of(batch_size)
    run.steps_per_epoch = None
    return run


def hold_out(
    batches: SeededBatches, fraction: float, seed: int
) -> tuple[SubsetBatches, SubsetBatches]:
    """Returns `(train, validation)`: a part held out, class by class."""
    stay, held_out = train_validation_split(
        batches.read_labels(), fraction, seed
    )
    if not len(held_out):
        raise ValueError(
            "There is nothing to hold out for validation. Received: "
            f"{batches.num_samples} samples, one of each class. Pass "
            "validation data, or more samples; fine_tune(..., epochs=0), "
            "which is the head alone, needs none."
        )
    return (
        SubsetBatches(batches, stay),
        SubsetBatches(batches, held_out, shuffle=False),
    )


def _numbered(data: Data, name: str, options: dict[str, Any]) -> SeededBatches:
    return adapt_packed(data, **options).numbered(name, **options)


def _labelled(data: Data, name: str, options: dict[str, Any]) -> SeededBatches:
    data = _numbered(data, name, options)
    if len(data.read(np.arange(1))) < 2:
        raise ValueError(
            f"`{name}` has no labels. Received: samples alone. Expected "
            "arrays (x, y), or batches of (x, y)."
        )
    return data
