"""From segments to the units that people mean by a block.

A small state machine goes through the segments from input to output and
decides for each whether it goes on with the open unit or opens a new one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keras_transfer.graph.segments import SINGLE_CONVOLUTIONS, Kind
from keras_transfer.graph.units import Unit

if TYPE_CHECKING:
    from keras_transfer.graph.segments import Segment
    from keras_transfer.graph.trace import Value

# A second normalisation after one of these belongs to what follows.
_ONE_NORM = (*SINGLE_CONVOLUTIONS, Kind.LAYER)


def group(segments: list[Segment]) -> list[Unit]:
    """Groups segments into units. Every segment is in exactly one."""
    grouper = _Grouper(segments)
    for position, segment in enumerate(segments):
        grouper.add(position, segment)
    return grouper.finish()


class _Grouper:
    def __init__(self, segments: list[Segment]):
        self.segments = segments
        self.units = []
        # Segments that go to whatever comes next: padding, pre-activation.
        self.pending = []

    @property
    def unit(self) -> Unit | None:
        return self.units[-1] if self.units else None

    def add(self, position: int, segment: Segment) -> None:
        if segment.kind is Kind.FREE:
            self._add_free(segment)
        elif segment.kind is Kind.PADDING:
            self.pending.append(segment)
        elif segment.kind is Kind.NORM:
            self._add_norm(position, segment)
        elif self._completes(position, segment):
            self._complete(segment)
        else:
            self._open(segment)

    def finish(self) -> list[Unit]:
        if self.pending:
            if self.unit is None:
                self.units.append(Unit([], Kind.LAYER, takes_norm=False))
            self._go_on()
        return self.units

    def _add_free(self, segment: Segment) -> None:
        norm_pending = any(x.kind is Kind.NORM for x in self.pending)
        if self.unit is None or norm_pending:
            self.pending.append(segment)
        else:
            # Padding before pooling stays with what comes before it.
            self._go_on(segment)
            self.unit.activated |= segment.activates
            self.unit.pooled |= not segment.activates

    def _add_norm(self, position: int, segment: Segment) -> None:
        accepted = self.unit is not None and self.unit.takes_norm
        if accepted and (self.unit.kind is Kind.BRANCH or self.unit.pooled):
            accepted = not self._is_pre_activation(position)
        if any(x.kind is Kind.NORM for x in self.pending) or not accepted:
            self.pending.append(segment)
            return
        self._go_on(segment)
        if self.unit.kind in _ONE_NORM:
            self.unit.takes_norm = False

    def _is_pre_activation(self, position: int) -> bool:
        """Whether a norm after a closed branch feeds what comes next."""
        activated = False
        for segment in self.segments[position + 1 :]:
            activated |= segment.activates
            if segment.kind in (Kind.FREE, Kind.PADDING):
                continue
            if self.unit.kind is not Kind.BRANCH:
                return activated and segment.kind is Kind.BRANCH
            if segment.kind is Kind.LAYER:
                return False
            return segment.kind in SINGLE_CONVOLUTIONS or activated
        return False

    def _completes(self, position: int, segment: Segment) -> bool:
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

    def _is_projection(self, position: int, segment: Segment) -> bool:
        """Whether a 1x1 convolution ends a fused inverted bottleneck."""
        return (
            self.unit.activated
            and segment.linear
            and not self._activated_after(position)
            and _channels(segment.steps[-1].outputs[0])
            < _channels(segment.steps[0].inputs[0])
        )

    def _activated_after(self, position: int) -> bool:
        for segment in self.segments[position + 1 :]:
            if segment.activates:
                return True
            if segment.kind not in (Kind.FREE, Kind.PADDING, Kind.NORM):
                return False
        return False

    def _complete(self, segment: Segment) -> None:
        self._go_on(segment)
        unit = self.unit
        if segment.kind is Kind.DEPTHWISE:
            unit.waits_for, unit.takes_norm = Kind.POINTWISE, True
            unit.kind = Kind.DEPTHWISE
        elif segment.kind is Kind.POINTWISE:
            unit.waits_for, unit.takes_norm = None, True
        elif segment.kind is Kind.FEED_FORWARD:
            unit.waits_for = None

    def _open(self, segment: Segment) -> None:
        kind = segment.kind
        if kind in (Kind.FEED_FORWARD, Kind.GATE):
            kind = Kind.BRANCH
        norms = [x for x in self.pending if x.kind is Kind.NORM]
        pre_activated = bool(norms) and any(x.activates for x in self.pending)
        takes_norm = kind not in _ONE_NORM or not pre_activated
        unit = Unit([], kind, takes_norm)
        unit.waits_for = _WAITS_FOR.get(kind)
        unit.activated = not segment.linear
        self.units.append(unit)
        self._go_on(segment)

    def _go_on(self, *segments: Segment) -> None:
        self.unit.segments.extend([*self.pending, *segments])
        self.pending.clear()


_WAITS_FOR = {
    Kind.POINTWISE: Kind.DEPTHWISE,
    Kind.DEPTHWISE: Kind.POINTWISE,
    Kind.CONV: Kind.POINTWISE,
    Kind.ATTENTION: Kind.FEED_FORWARD,
}


def _channels(value: Value) -> int:
    return value.tensor.shape[-1] or 0
