"""Groups of segments, and the rules that hold for all of them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import keras

from keras_transfer.graph import operations
from keras_transfer.graph.segments import Kind

if TYPE_CHECKING:
    from keras_transfer.graph.segments import Segment


@dataclasses.dataclass
class Unit:
    """Neighbouring segments that belong together.

    Attributes:
        segments: in order.
        kind: what the unit is, a `Kind`, by the segment that opened it.
        takes_norm: whether a normalisation that follows belongs to it.
        waits_for: the kind of segment that would complete it, if any.
        activated: whether a non-linearity followed its last convolution.
        pooled: whether something else without weights did.
    """

    segments: list
    kind: Kind
    takes_norm: bool
    waits_for: Kind | None = None
    activated: bool = False
    pooled: bool = False

    @property
    def operations(self) -> list[keras.Operation]:
        """Its layers and raw operations, in order of first use."""
        steps = [step for segment in self.segments for step in segment.steps]
        return list({id(x.operation): x.operation for x in steps}.values())


def merge_sharing(found: list[Unit]) -> list[Unit]:
    """Merges units that share a variable, and everything between them."""
    last = {}
    for index, unit in enumerate(found):
        last.update(dict.fromkeys(_variable_ids(unit), index))
    merged, reach = [], -1
    for index, unit in enumerate(found):
        if index <= reach:
            merged[-1].segments.extend(unit.segments)
        else:
            merged.append(unit)
        reach = max([reach] + [last[x] for x in _variable_ids(unit)])
    return merged


def _variable_ids(unit: Unit) -> set[int]:
    return {
        id(variable)
        for operation in unit.operations
        for variable in getattr(operation, "variables", [])
    }


def join_free(found: list[Unit]) -> list[Unit]:
    """Joins units without weights to the one before, or the first to come."""
    joined, pending = [], []
    for unit in found:
        if not _has_weights(unit):
            target = joined[-1].segments if joined else pending
            target.extend(unit.segments)
        else:
            unit.segments[:0] = pending
            pending = []
            joined.append(unit)
    return joined or found[:1]


def _has_weights(unit: Unit) -> bool:
    return any(map(operations.weights, unit.operations))


def divide_long(found: list[Unit], segments: list[Segment]) -> list[Unit]:
    """Falls back to one unit a segment where hardly anything can be cut.

    The cells of NASNet read the outputs of two cells before them, so nearly
    the whole network lies between two cuts. Fewer than four units would
    leave nothing to unfreeze step by step: then every cut ends a unit.
    """
    longest = max(len(segment.steps) for segment in segments)
    total = sum(len(segment.steps) for segment in segments)
    if len(found) >= 4 or longest < max(100, 0.9 * total):
        return found
    return [Unit([x], x.kind, takes_norm=False) for x in segments]
