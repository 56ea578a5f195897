"""Which depths of a backbone a head reads, and the model that gives them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import keras
import numpy as np

from keras_transfer import graph
from keras_transfer.data.batches import ReorderedBatches
from keras_transfer.feature_cache.boundary import boundary_at
from keras_transfer.feature_cache.prefix import run
from keras_transfer.layers import FeatureLevels, FeatureScaling, LevelPooling
from keras_transfer.training.schedules import whole_number

if TYPE_CHECKING:
    from keras_transfer._private.types import Levels, Nested
    from keras_transfer.data.data_adapter import DataAdapter
    from keras_transfer.data.samples import Samples
    from keras_transfer.graph.block import Block
    from keras_transfer.models.transfer.transfer_model import TransferModel

# Levels of "auto", and the scale of those below the last one (chosen on
# photos, with MobileNetV2 and EfficientNet-Lite0).
AUTOMATIC = 5
INNER_SCALE = 0.5
# Samples that say well enough where features lie.
_ENOUGH = 256
_A_BATCH = 32


def level_indices(levels: Levels, blocks: Sequence[Block]) -> tuple[int, ...]:
    """Returns the blocks, below the last, whose ends a head reads.

    Args:
        levels: `"last"`, `"auto"`, a number of levels or indices of blocks.
        blocks: the blocks of the backbone.

    Returns:
        Indices from input to output; empty for the last level alone.

    Raises:
        ValueError: there are no such levels.
    """
    if isinstance(levels, str):
        if levels not in ("last", "auto"):
            raise ValueError(_message(levels, blocks))
        return () if levels == "last" else _upper(AUTOMATIC, blocks)
    number = whole_number(levels)
    if number is None and isinstance(levels, Sequence):
        return _checked(levels, blocks)  # type: ignore[arg-type]
    if number is None or not 1 <= number <= len(_inner(blocks)) + 1:
        raise ValueError(_message(levels, blocks))
    return _upper(number, blocks)


def extractor(
    backbone: keras.Model,
    blocks: Sequence[Block],
    indices: Sequence[int],
    head: keras.layers.Layer,
) -> keras.Model:
    """Returns the model from a backbone's input to all its levels, joined.

    Args:
        backbone: a model with one output; its layers are shared.
        blocks: its blocks.
        indices: the blocks whose ends are read, beside the output.
        head: a head, which says how to pool.

    Returns:
        A functional model with one output, `(batch, features)`: the last
        level first.
    """
    cuts = [graph.cut_points(backbone)[-1]]
    cuts += [blocks[index].output for index in indices]
    plain = graph.tap(backbone, cuts)
    how = {
        "pooling": getattr(head, "pooling", "avg"),
        "data_format": getattr(head, "data_format", None),
    }
    last, *inner = plain.outputs
    inner = [
        LevelPooling(**how, name=f"level_{index}")(tensor)
        for index, tensor in zip(indices, inner, strict=True)
    ]
    joined = FeatureLevels(**how, name="levels")([last, *inner])
    return keras.Model(plain.input, joined, name=f"{backbone.name}_levels")


def scaling(model: keras.Model) -> FeatureScaling:
    """Returns the layer that goes between an `extractor` and the head."""
    inner = [
        layer.output.shape[-1]
        for layer in model.layers
        if isinstance(layer, LevelPooling)
    ]
    last = model.output.shape[-1] - sum(inner)
    return FeatureScaling(
        [(last, 1.0), (sum(inner), INNER_SCALE)], name="level_scaling"
    )


def centre(model: TransferModel, data: DataAdapter) -> None:
    """Centres the levels of a model on what it is about to train on.

    Does nothing where that was done before, and for data that can be walked
    over only once.

    Args:
        model: a `TransferModel`.
        data: its training data; at most 256 samples are run through.
    """
    scaling = model.level_scaling
    if scaling is None or scaling.is_centred or not data.is_repeatable:
        return
    prefix = boundary_at(model, 0).prefix
    features = [run(prefix, x)[0] for x in _some_inputs(data.samples())]
    scaling.learn_from(np.concatenate(features))


def _some_inputs(samples: Samples) -> Iterator[Nested]:
    """Batches of inputs, from all over the data where they are numbered."""
    batches = getattr(samples, "batches", None)
    if batches is None or isinstance(batches, ReorderedBatches):
        seen = 0
        for rows, (x, *_) in samples.chunks():
            yield x
            seen += sum(rows)
            if seen >= _ENOUGH:
                return
        return
    count = min(_ENOUGH, batches.num_samples)
    numbers = np.linspace(0, batches.num_samples - 1, count).astype(int)
    for start in range(0, count, _A_BATCH):
        yield batches.read(numbers[start : start + _A_BATCH])[0]


def _inner(blocks: Sequence[Block]) -> list[int]:
    """The blocks below the last one at whose ends there are features."""
    return [
        block.index
        for block in blocks[:-1]
        if block.output is not None
        and keras.backend.is_float_dtype(block.output.tensor.dtype)
    ]


def _upper(number: int, blocks: Sequence[Block]) -> tuple[int, ...]:
    """Ends of stages, the last ones; of blocks in the upper half if none.

    A stage is what has features of one shape.
    """
    inner, count = _inner(blocks), number - 1
    ends = [
        index
        for index in inner
        if blocks[index].output.shape != blocks[index + 1].output.shape
    ]
    if count <= len(ends) <= len(blocks) / 2:
        return tuple(ends[len(ends) - count :])
    start = min(len(blocks) // 2, len(inner) - count)
    upper = inner[start:]
    steps = [len(upper) * (i + 1) // (count + 1) for i in range(count)]
    return tuple(dict.fromkeys(upper[step] for step in steps))


def _checked(levels: Sequence[int], blocks: Sequence[Block]) -> tuple[int, ...]:
    known, found = _inner(blocks), []
    for level in levels:
        index = whole_number(level)
        if index is not None and index < 0:
            index += len(blocks)
        if index not in known or index in found:
            raise ValueError(_message(levels, blocks))
        found.append(index)
    return tuple(sorted(found))


def _message(levels: object, blocks: Sequence[Block]) -> str:
    known = _inner(blocks)
    return (
        "There are no such levels for the head to read. Received: "
        f"levels={levels!r}. Expected 'last', 'auto', a number of levels from "
        f"1 to {len(known) + 1}, or different indices of blocks below the "
        f"last one, out of {known} (the last level is always read). "
        "`model.blocks` lists the blocks."
    )
