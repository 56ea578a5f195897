"""A model as the blocks that people freeze, unfreeze and cache by."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

import keras

from keras_transfer.graph import cuts, grouping, naming, segments, units

if TYPE_CHECKING:
    from keras_transfer.graph.segments import Segment
    from keras_transfer.graph.units import Unit


@dataclasses.dataclass(frozen=True)
class Block:
    """A stretch of a model between two of its cuts.

    Attributes:
        index: place from input to output, from 0.
        name: readable, and the same whenever the architecture is built.
        layers: its layers, in order of first use. A layer made of layers
            (`MultiHeadAttention`) counts as one; nested functional models
            are replaced by their layers.
        num_params: number of weights in its layers, frozen ones included.
        output: the `Cut` that ends it; `None` for the last block of a model
            with several outputs.
    """

    index: int
    name: str
    layers: tuple = dataclasses.field(repr=False)
    num_params: int
    output: cuts.Cut | None = dataclasses.field(repr=False)


def blocks(model: keras.Model) -> list[Block]:
    """Divides a model into blocks, from input to output.

    A block is what the architecture repeats: a residual block, a dense-block
    layer, an inception module, a depthwise-separable convolution, an inverted
    residual, a transformer layer, a recurrent layer, or a plain convolution
    with its normalisation and activation. They are found by the position and
    the type of the operations, so models of one's own work as well.

    Every layer with variables is in exactly one block. Blocks that share a
    layer are merged. Layers without weights join a neighbour.

    Args:
        model: a built functional or Sequential model.

    Returns:
        A list of `Block`.

    Raises:
        ValueError: `model` has no graph (subclassed, or not built yet).

    Examples:
        >>> backbone = keras.applications.MobileNetV2(include_top=False)
        >>> for block in blocks(backbone):
        ...     print(block.index, block.name, block.num_params)
    """
    found = _units(segments.segments(cuts.exact_trace(model)))
    named = zip(naming.block_names(found), found, strict=True)
    return [_block(index, *each) for index, each in enumerate(named)]


def _units(found: list[Segment]) -> list[Unit]:
    joined = units.join_free(grouping.group(found))
    return units.merge_sharing(units.divide_long(joined, found))


def _block(index: int, name: str, unit: Unit) -> Block:
    layers = [x for x in unit.operations if isinstance(x, keras.Layer)]
    place = unit.segments[-1].place
    return Block(
        index=index,
        name=name,
        layers=tuple(layers),
        num_params=_size(w for x in layers for w in x.weights),
        output=place.cut if place else None,
    )


def _size(weights: Iterable[keras.Variable]) -> int:
    unique = {id(weight): weight for weight in weights}
    return sum(math.prod(weight.shape) for weight in unique.values())
