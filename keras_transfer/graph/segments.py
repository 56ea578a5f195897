"""What lies between two neighbouring cuts, and what kind of thing it is."""

from __future__ import annotations

import dataclasses
import enum
from typing import TYPE_CHECKING

import keras

from keras_transfer.graph import cuts, operations

if TYPE_CHECKING:
    from keras_transfer.graph.cuts import Place
    from keras_transfer.graph.trace import Step, Trace, Value


class Kind(enum.Enum):
    """What a segment is, judged by the operations in it."""

    FREE = "free"  # nothing to learn: activation, pooling, preprocessing
    PADDING = "padding"
    NORM = "norm"
    CONV = "conv"
    DEPTHWISE = "depthwise"
    POINTWISE = "pointwise"  # a 1x1 convolution
    GATE = "gate"  # x * f(x): squeeze-and-excite
    EMBEDDING = "embedding"
    ATTENTION = "attention"  # a branch with attention in it
    FEED_FORWARD = "feed_forward"  # a branch of dense layers
    BRANCH = "branch"  # residual block, inception module, dense-block layer
    LAYER = "layer"  # any other layer with weights


SINGLE_CONVOLUTIONS = (Kind.CONV, Kind.DEPTHWISE, Kind.POINTWISE)


@dataclasses.dataclass(frozen=True)
class Segment:
    """The steps after one cut, up to and including the next.

    Attributes:
        kind: what it is.
        steps: its steps in order.
        place: the cut that ends it; `None` if the model ends without one.
        activates: whether it applies a non-linearity and has no weights.
        linear: whether its last layer applies none.
    """

    kind: Kind
    steps: tuple
    place: cuts.Place | None
    activates: bool
    linear: bool


def segments(flat: Trace) -> list[Segment]:
    """Returns the segments of a flat graph, from input to output."""
    found, start, entry = [], 0, None
    places = cuts.places(flat)
    for place in places:
        steps = flat.steps[start : place.position + 1]
        found.append(_segment(steps, place, entry))
        start, entry = place.position + 1, place.value
    if start < len(flat.steps):
        found.append(_segment(flat.steps[start:], None, entry))
    return found


def _segment(
    steps: list[Step], place: Place | None, entry: Value | None
) -> Segment:
    kind = _kind(steps, entry)
    activates = any(operations.activates(step.operation) for step in steps)
    return Segment(
        kind=kind,
        steps=tuple(steps),
        place=place,
        activates=kind is Kind.FREE and activates,
        linear=not activates,
    )


def _kind(steps: list[Step], entry: Value | None) -> Kind:
    ops = [step.operation for step in steps]
    learned = operations.learned(ops)
    if not learned:
        padding = all(map(operations.is_padding, ops))
        return Kind.PADDING if padding else Kind.FREE
    if all(map(operations.is_norm, learned)):
        return Kind.NORM
    if all(
        operations.is_embedding(x) or operations.is_norm(x) for x in learned
    ):
        return Kind.EMBEDDING
    if len(steps) == 1:
        return _single_kind(ops[0])
    if _is_gate(steps, learned, entry):
        return Kind.GATE
    return _branch_kind(ops, learned)


def _single_kind(operation: keras.Operation) -> Kind:
    if operations.is_depthwise(operation):
        return Kind.DEPTHWISE
    if operations.is_pointwise(operation):
        return Kind.POINTWISE
    return Kind.CONV if operations.is_convolution(operation) else Kind.LAYER


def _is_gate(
    steps: list[Step], learned: list[keras.layers.Layer], entry: Value | None
) -> bool:
    last = steps[-1]
    return (
        operations.is_product(last.operation)
        and entry in last.inputs
        and all(operations.is_positionwise(x) for x in learned)
    )


def _branch_kind(
    ops: list[keras.Operation], learned: list[keras.layers.Layer]
) -> Kind:
    if any(map(operations.is_attention, ops)) or operations.attends(ops):
        return Kind.ATTENTION
    if all(operations.is_positionwise(op) for op in learned):
        return Kind.FEED_FORWARD
    return Kind.BRANCH
