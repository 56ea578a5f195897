"""What two models of one architecture put out after each block."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING

import keras
import numpy as np

from keras_transfer._private.types import Tensor, Verbose
from keras_transfer.data.adapters import adapt
from keras_transfer.layers import ClassificationHead, RegressionHead
from keras_transfer.models.matching.taps import listed, tapped, taps
from keras_transfer.recipes.assessment.target_data import check_inputs
from keras_transfer.storage.progress_bars import progress_bar

if TYPE_CHECKING:
    from keras_transfer.data.seeded_batches import SeededBatches


@dataclasses.dataclass
class BlockFeatures:
    """Features of a data set after each block of a model.

    Attributes:
        names: of the blocks, input first.
        features: for each block `(samples, channels)`, averaged over the
            positions.
        scores: what a head on the last features puts out, or `None`.
    """

    names: list
    features: list
    scores: np.ndarray | None


def block_features(
    model: keras.Model,
    batches: SeededBatches,
    *,
    head: keras.layers.Layer | None = None,
    verbose: Verbose = "auto",
) -> BlockFeatures:
    """Runs a data set through a model once, and reads it after each block.

    Args:
        model: a `TransferModel` or a functional `keras.Model`.
        batches: `SeededBatches`.
        head: a layer or model on the last block's features, or `None`. One
            of this package, or a model that takes maps, gets them whole,
            any other their average.
        verbose: 0 shows no progress.

    Returns:
        `BlockFeatures`.

    Raises:
        ValueError: the model has no blocks that can be read.
    """
    _check(model, head)
    places = taps(model)
    if not places:
        raise ValueError(
            f"The model '{model.name}' has no block whose output can be read "
            "alone. Expected a TransferModel, or a functional model in which "
            "one tensor leads from block to block."
        )
    batches = adapt(batches).with_ids(model).data
    check_inputs(model, batches, "source_data")
    adapt(batches).looked_at(model, labels=False)
    last = places[-1] if _takes_maps(head) else places[-1].pooled()
    reader = tapped(model, [*(place.pooled() for place in places), last])
    found, scores = [], []
    for x in _inputs(batches, model.name, verbose):
        _, *features, top = listed(reader.predict_on_batch(x))
        found.append([np.asarray(each) for each in features])
        if head is not None:
            scores.append(_scores(head, top))
    return BlockFeatures(
        [place.name for place in places],
        [np.concatenate(parts) for parts in zip(*found, strict=True)],
        np.concatenate(scores) if scores else None,
    )


def _check(model: keras.Model, head: keras.layers.Layer | None) -> None:
    """Raises unless these are a model, and a layer or nothing."""
    if not isinstance(model, keras.Model):
        raise ValueError(
            "Retention compares a model before and after fine-tuning. "
            f"Received: {model!r} of type {type(model).__name__}. Expected a "
            "TransferModel, or a keras.Model."
        )
    if head is not None and not isinstance(head, keras.layers.Layer):
        raise ValueError(
            "`source_head` is the source's own classifier. Received: "
            f"{head!r} of type {type(head).__name__}. Expected a layer or a "
            "keras.Model that takes the features of the last block."
        )


def _scores(head: keras.layers.Layer, features: Tensor) -> np.ndarray:
    try:
        return keras.ops.convert_to_numpy(head(features))
    except ValueError as error:
        raise ValueError(
            "`source_head` does not take the features of the last block. "
            f"Received: features of shape {tuple(features.shape)}. Expected "
            "the layers of the source that follow that block (with their "
            f"pooling, if they have one). It says: {error}"
        ) from error


def _takes_maps(head: keras.layers.Layer | None) -> bool:
    if isinstance(head, keras.Model):
        return len(head.input_shape) > 2
    return isinstance(head, ClassificationHead | RegressionHead)


def _inputs(batches: SeededBatches, name: str, verbose: Verbose) -> Iterator:
    """Yields batches of inputs, with a bar."""
    parts = list(batches.numbers_in_batches())
    bar = progress_bar(len(parts), verbose, unit_name=name)
    for numbers in parts:
        yield batches.read(numbers)[0]
        bar.add(1)
