"""Names for blocks that do not depend on what else the process has built.

Keras numbers unnamed layers on through a process (`conv2d`, `conv2d_1`), so
such names are never used: the type and the place of the block stand in.
"""

from __future__ import annotations

import collections
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import keras

from keras_transfer.graph import operations
from keras_transfer.graph.segments import Kind

if TYPE_CHECKING:
    from keras_transfer.graph.units import Unit


def block_names(units: list[Unit]) -> Iterator[str]:
    """Returns one unique name for each unit."""
    shared = [_shared_name(unit) for unit in units]
    counts = collections.Counter(shared)
    taken = set()
    for index, unit in enumerate(units):
        name = shared[index]
        if name is None or counts[name] > 1:
            name = next(iter(_explicit_names(unit)), None)
        if name is None or name in taken:
            name = f"{_type_label(unit)}_{index}"
        taken.add(name)
        yield name


def is_automatic(operation: keras.Operation) -> bool:
    """Tells whether Keras numbered an operation itself (`conv2d_12`)."""
    stem = re.sub(r"_\d+$", "", operation.name)
    return stem.replace("_", "") == operations.type_name(operation)


def _explicit_names(unit: Unit, norms: bool = False) -> list[str]:
    """Names that the model's author gave, best first.

    Those of layers with weights count, without norms if there are others.
    """
    named = [op for op in unit.operations if not is_automatic(op)]
    learned = operations.learned(named)
    inner = [op for op in learned if norms or not operations.is_norm(op)]
    return [op.name for op in inner or learned or named]


def _shared_name(unit: Unit) -> str | None:
    with_norms = _common_start(_explicit_names(unit, norms=True))
    return with_norms or _common_start(_explicit_names(unit))


def _common_start(names: list[str]) -> str | None:
    """The words at the start of all names: `block_1`, `conv2_block1`."""
    words = [re.split(r"([_\-.]+)", name) for name in names]
    start = []
    for same_place in zip(*words, strict=False):
        if len(set(same_place)) > 1:
            break
        start.append(same_place[0])
    return "".join(start).rstrip("_-.") or None


def _type_label(unit: Unit) -> str:
    """What the unit is, for the name of a block without explicit names."""
    if unit.kind is Kind.LAYER:
        learned = [op for op in unit.operations if operations.weights(op)]
        inner = [op for op in learned if not operations.is_norm(op)]
        return operations.type_name((inner or learned or unit.operations)[0])
    if unit.kind is Kind.BRANCH:
        types = set(map(operations.type_name, unit.operations))
        labels = {"add": "residual", "concatenate": "concat"}
        return next((labels[x] for x in labels if x in types), "branch")
    return _LABELS.get(unit.kind, unit.kind.value)


_LABELS = {
    Kind.ATTENTION: "encoder",
    Kind.POINTWISE: "conv",
    Kind.DEPTHWISE: "depthwise",
}
