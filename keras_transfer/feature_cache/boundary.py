"""A model cut where training begins: the frozen part, and the rest."""

import dataclasses

import keras

from keras_transfer import graph
from keras_transfer.layers import (
    ClassificationHead,
    FeaturePooling,
    RegressionHead,
)


@dataclasses.dataclass(frozen=True)
class Boundary:
    """Two models that share the layers of a `TransferModel`.

    Attributes:
        depth: blocks above the cut, counted from the top.
        prefix: from the model's input to the tensor at the cut (a list if
            masks or tokens go along).
        suffix: from there to the model's output.
        cut: name of the operation that ends the prefix.
    """

    depth: int
    prefix: keras.Model
    suffix: keras.Model
    cut: str


def boundary_at(model: keras.Model, depth: int) -> Boundary:
    """Cuts a `TransferModel` below its `depth` last blocks.

    At depth 0 a head of this package is cut after its pooling, which has
    nothing to learn and leaves far less to keep.

    Args:
        model: a `TransferModel`.
        depth: number of blocks, less than all of them.

    Returns:
        A `Boundary`.
    """
    boundary = _cut(model, depth)
    _run_like(model, boundary.prefix)
    return boundary


def _cut(model: keras.Model, depth: int) -> Boundary:
    if depth == 0:
        return _at_head(model)
    cut = model.blocks[-depth - 1].output
    bottom, top = graph.split(model._extractor, cut)
    starts = keras.tree.map_structure(_input_like, top.input)
    suffix = keras.Model(starts, model.head(model._scaled(top(starts))))
    return Boundary(depth, _prefix(model, bottom), suffix, cut.name)


def between(deeper: Boundary, boundary: Boundary) -> keras.Model:
    """Returns the model from one boundary to one that is nearer the head.

    Its output equals that of `boundary.prefix`, on what `deeper.prefix` puts
    out.
    """
    model = graph.split(boundary.prefix, deeper.cut)[1]
    _run_like(boundary.prefix, model)
    return model


def _run_like(model: keras.Model, part: keras.Model) -> None:
    # The same operations, fused by a compiler, differ in the last bit.
    part.run_eagerly = model.run_eagerly
    part.jit_compile = model.jit_compile


def _at_head(model: keras.Model) -> Boundary:
    features, cut = model.features, model._extractor.name
    if isinstance(model.head, ClassificationHead | RegressionHead):
        pool = FeaturePooling(
            model.head.pooling, model.head.data_format, name="pooled"
        )
        features, cut = pool(features), pool.name
    prefix = keras.Model(model.input, features)
    start = _input_like(features)
    suffix = keras.Model(start, model.head(model._scaled(start)))
    return Boundary(0, prefix, suffix, cut)


def _prefix(model: keras.Model, bottom: keras.Model) -> keras.Model:
    x = model.input
    if model.augmentation is not None:
        x = model.augmentation(x)
    if not keras.tree.is_nested(x):
        x = model.preprocessing(x)
    return keras.Model(model.input, bottom(x))


def _input_like(tensor: keras.KerasTensor) -> keras.KerasTensor:
    return keras.Input(batch_shape=tensor.shape, dtype=tensor.dtype)
