"""Where the top of a classifier starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras

from keras_transfer.graph import cuts, operations
from keras_transfer.graph.segments import Segment, segments

if TYPE_CHECKING:
    from keras_transfer.graph.cuts import Cut
    from keras_transfer.graph.trace import Value


def top_cut(model: keras.Model, output_layer: str | None = None) -> Cut | None:
    """Finds the feature tensor below the top of a classifier.

    Going back from the output, dense layers, activations, dropout, reshapes,
    global pooling and convolutions on a single position belong to the top.
    The cut is at the last tensor before them: a feature map, a sequence, or
    what a layer of another kind (an LSTM) returns. A network of nothing but
    dense layers is cut before its last one.

    Args:
        model: a built functional or Sequential model.
        output_layer: name of the layer (or nested model) to cut after,
            instead.

    Returns:
        The `Cut`, or `None` when there is no top with weights: the output is
        a feature map or a sequence already, or only pooled.

    Raises:
        ValueError: `model` has no graph, has several outputs and no
            `output_layer`, or cannot be cut at `output_layer`.

    Examples:
        >>> top_cut(keras.applications.VGG16(weights=None)).name
        'block5_pool'
    """
    flat = cuts.exact_trace(model)
    if output_layer is not None:
        return cuts.find(flat, output_layer).cut
    outputs = keras.tree.flatten(flat.outputs)
    if len(outputs) > 1:
        names = [cut.name for cut in cuts.cut_points(model)]
        raise ValueError(
            f"The model '{model.name}' has {len(outputs)} outputs, so it is "
            "not clear where its top starts. Name the layer that ends the "
            f"feature extractor: `output_layer=` one of {names[-5:]}."
        )
    return _top_start(segments(flat))


def _top_start(found: list[Segment]) -> Cut | None:
    # A map of one position is a map, if that is what the model returns.
    if found and len(found[-1].place.cut.shape) > 2:
        return None
    top_has_weights = False
    for index in range(len(found) - 1, -1, -1):
        segment = found[index]
        if not _is_top_like(segment):
            place = segment.place
            return place.cut if top_has_weights else None
        top_has_weights = top_has_weights or _learns(segment)
        below = found[index - 1].place if index else None
        if below and (_is_map(below.value) or _pools(segment)):
            return below.cut if top_has_weights else None
    return _before_last_dense(found)


def _before_last_dense(found: list[Segment]) -> Cut | None:
    """The cut of a network that is all top: below its last dense layer."""
    index = len(found) - 1
    while index >= 0 and not _is_dense(found[index]):
        index -= 1
    while index > 0 and _is_dropout(found[index - 1]):
        index -= 1
    if any(map(_learns, found[: max(index, 0)])):
        return found[index - 1].place.cut
    return None


def _is_top_like(segment: Segment) -> bool:
    ops = [step.operation for step in segment.steps]
    if not _learns(segment):
        return all(
            operations.is_elementwise(op) or operations.is_reshape(op)
            for op in ops
        ) or _reduces(segment)
    (step, *others) = segment.steps
    if others:
        return False
    if isinstance(step.operation, keras.layers.Dense):
        return True
    on_vector = all(not _is_map(value) for value in step.inputs)
    return on_vector and (
        operations.is_convolution(step.operation)
        or operations.is_norm(step.operation)
    )


def _learns(segment: Segment) -> bool:
    return any(operations.weights(step.operation) for step in segment.steps)


def _is_dense(segment: Segment) -> bool:
    ops = [step.operation for step in segment.steps]
    return any(operations.weights(x) and not operations.is_norm(x) for x in ops)


def _is_dropout(segment: Segment) -> bool:
    return all(
        isinstance(step.operation, keras.layers.Dropout)
        for step in segment.steps
    )


def _pools(segment: Segment) -> bool:
    return any(operations.is_global_pooling(x.operation) for x in segment.steps)


def _reduces(segment: Segment) -> bool:
    """Whether it makes one vector of a map: global, average or token pooling.

    Max pooling down to one position is an ordinary layer of a small input.
    """
    value = segment.place.value if segment.place else None
    if value is None or _is_map(value):
        return False
    ops = [step.operation for step in segment.steps]
    return _pools(segment) or not any(map(operations.is_max_pooling, ops))


def _is_map(value: Value) -> bool:
    """Whether a tensor has more than one position (or how many is unknown)."""
    shape = value.tensor.shape
    if len(shape) < 3:
        return False
    if keras.config.image_data_format() == "channels_first" and len(shape) > 3:
        return any(length != 1 for length in shape[2:])
    return any(length != 1 for length in shape[1:-1])
