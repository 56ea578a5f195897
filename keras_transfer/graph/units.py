"""From segments to the units that people mean by a block.

A small state machine goes through the segments from input to output and
decides for each whether it goes on with the open unit or opens a new one.
"""

import dataclasses

from keras_transfer.graph import cuts, operations
from keras_transfer.graph.segments import SINGLE_CONVOLUTIONS, Kind


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


def units(segments):
    """Groups segments into units. Every segment is in exactly one."""
    grouper = _Grouper(segments)
    for position, segment in enumerate(segments):
        grouper.add(position, segment)
    return grouper.finish()


class _Grouper:
    def __init__(self, segments):
        self.segments = segments
        self.units = []
        # Segments that go to whatever comes next: padding, pre-activation.
        self.pending = []

    @property
    def unit(self):
        return self.units[-1] if self.units else None

    def add(self, position, segment):
        if segment.kind is Kind.FREE:
            self._add_free(segment)
        elif self.unit is None and segment.kind is Kind.NORM:
            self.pending.append(segment)
        elif segment.kind is Kind.PADDING:
            self.pending.append(segment)
        elif segment.kind is Kind.NORM:
            self._add_norm(position, segment)
        elif self._completes(position, segment):
            self._complete(segment)
        else:
            self._open(segment)

    def finish(self):
        if self.pending:
            if self.unit is None:
                self.units.append(Unit([], Kind.LAYER, takes_norm=False))
            self._go_on()
        return self.units

    def _add_free(self, segment):
        norm_pending = any(x.kind is Kind.NORM for x in self.pending)
        if self.unit is None or norm_pending:
            self.pending.append(segment)
        else:
            # Padding before pooling stays with what comes before it.
            self._go_on(segment)
            self.unit.activated |= segment.activates
            self.unit.pooled |= not segment.activates

    def _add_norm(self, position, segment):
        accepted = self.unit.takes_norm
        if self.unit.kind is Kind.BRANCH or self.unit.pooled:
            accepted = not self._is_pre_activation(position)
        if any(x.kind is Kind.NORM for x in self.pending) or not accepted:
            self.pending.append(segment)
            return
        self._go_on(segment)
        if self.unit.kind in (*SINGLE_CONVOLUTIONS, Kind.LAYER):
            self.unit.takes_norm = False

    def _is_pre_activation(self, position):
        """Whether a norm after a closed branch feeds what comes next."""
        activated = False
        for segment in self.segments[position + 1 :]:
            activated |= segment.activates
            if segment.kind in (Kind.FREE, Kind.PADDING):
                continue
            if self.unit.kind is not Kind.BRANCH:
                return activated and segment.kind is Kind.BRANCH
            return segment.kind in SINGLE_CONVOLUTIONS or activated
        return False

    def _completes(self, position, segment):
        unit = self.unit
        if unit is None:
            return False
        if segment.kind is Kind.GATE:
            return True
        if any(x.kind is Kind.NORM for x in self.pending):
            return False
        if segment.kind is Kind.EMBEDDING:
            return unit.kind is Kind.EMBEDDING
        if unit.waits_for is not segment.kind:
            return False
        if unit.kind is Kind.CONV:
            return self._is_projection(position, segment)
        return True

    def _is_projection(self, position, segment):
        """Whether a 1x1 convolution ends a fused inverted bottleneck."""
        return (
            self.unit.activated
            and segment.linear
            and not self._activated_after(position)
            and _channels(segment.steps[-1].outputs[0])
            < _channels(segment.steps[0].inputs[0])
        )

    def _activated_after(self, position):
        for segment in self.segments[position + 1 :]:
            if segment.activates:
                return True
            if segment.kind not in (Kind.FREE, Kind.PADDING, Kind.NORM):
                return False
        return False

    def _complete(self, segment):
        self._go_on(segment)
        unit = self.unit
        if segment.kind is Kind.DEPTHWISE:
            unit.waits_for, unit.takes_norm = Kind.POINTWISE, True
            unit.kind = Kind.DEPTHWISE
        elif segment.kind is Kind.POINTWISE:
            unit.waits_for, unit.takes_norm = None, True
        elif segment.kind is Kind.FEED_FORWARD:
            unit.waits_for = None

    def _open(self, segment):
        kind = segment.kind
        if kind in (Kind.FEED_FORWARD, Kind.GATE):
            kind = Kind.BRANCH
        norms = [x for x in self.pending if x.kind is Kind.NORM]
        pre_activated = bool(norms) and any(x.activates for x in self.pending)
        unit = Unit([], kind, takes_norm=not pre_activated)
        unit.waits_for = _WAITS_FOR.get(kind)
        unit.activated = not segment.linear
        self.units.append(unit)
        self._go_on(segment)

    def _go_on(self, *segments):
        self.unit.segments.extend([*self.pending, *segments])
        self.pending.clear()


_WAITS_FOR = {
    Kind.POINTWISE: Kind.DEPTHWISE,
    Kind.DEPTHWISE: Kind.POINTWISE,
    Kind.CONV: Kind.POINTWISE,
    Kind.ATTENTION: Kind.FEED_FORWARD,
}


def _channels(value):
    return value.tensor.shape[-1] or 0


def merge_sharing(found):
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


def _variable_ids(unit):
    return {
        id(variable)
        for segment in unit.segments
        for step in segment.steps
        for variable in getattr(step.operation, "variables", [])
    }


def join_free(found):
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


def _has_weights(unit):
    return any(
        cuts.weights(step.operation)
        for segment in unit.segments
        for step in segment.steps
    )


def first_operation(unit):
    """Returns the first layer with weights in a unit, for its name."""
    ops = [x.operation for s in unit.segments for x in s.steps]
    learned = [op for op in ops if cuts.weights(op)]
    inner = [op for op in learned if not operations.is_norm(op)]
    return (inner or learned or ops)[0]
