"""A model as the blocks that people freeze, unfreeze and cache by."""

import dataclasses

from keras_transfer.graph import cuts, naming, segments, units


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


def blocks(model):
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

    Example:

    >>> backbone = keras.applications.MobileNetV2(include_top=False)
    >>> [block.name for block in blocks(backbone)][:3]
    ['Conv1', 'expanded_conv', 'block_1']
    """
    flat = cuts.exact_trace(model)
    found = units.units(segments.segments(flat))
    found = units.join_free(units.merge_sharing(found))
    names = naming.block_names(found)
    return [
        _block(index, name, unit)
        for index, (name, unit) in enumerate(zip(names, found, strict=True))
    ]


def _block(index, name, unit):
    layers = _layers(unit)
    weights = {id(w): w for layer in layers for w in layer.weights}
    place = unit.segments[-1].place
    return Block(
        index=index,
        name=name,
        layers=layers,
        num_params=sum(_size(w.shape) for w in weights.values()),
        output=place.cut if place else None,
    )


def _layers(unit):
    operations = {
        id(step.operation): step.operation
        for segment in unit.segments
        for step in segment.steps
    }
    return tuple(x for x in operations.values() if hasattr(x, "weights"))


def _size(shape):
    size = 1
    for length in shape:
        size *= length
    return size
