"""Names for blocks that do not depend on what else the process has built.

Keras numbers unnamed layers on through a process (`conv2d`, `conv2d_1`), so
such names are never used: the type and the place of the block stand in.
"""

import collections
import os
import re

from keras_transfer.graph import cuts, operations
from keras_transfer.graph.segments import Kind


def block_names(units):
    """Returns one unique name for each unit."""
    candidates = [_explicit_names(unit) for unit in units]
    shared = [_common_start(names) for names in candidates]
    counts = collections.Counter(shared)
    taken = set()
    result = []
    for index, (unit, names) in enumerate(zip(units, candidates, strict=True)):
        name = shared[index] if counts[shared[index]] == 1 else None
        name = name or (names[0] if names else None)
        if not name or name in taken:
            name = f"{_type_label(unit)}_{index}"
        taken.add(name)
        result.append(name)
    return result


def is_automatic(operation):
    """Tells whether Keras numbered an operation itself (`conv2d_12`)."""
    stem = re.sub(r"_\d+$", "", operation.name)
    return stem.replace("_", "") == operations.type_name(operation)


def _explicit_names(unit):
    """Names given by the author of the model, of layers with weights first."""
    ops = [x.operation for s in unit.segments for x in s.steps]
    named = [op for op in ops if not is_automatic(op)]
    learned = [
        op
        for op in named
        if cuts.weights(op) and not operations.is_preprocessing(op)
    ]
    if learned or len(named) < 2:
        return [op.name for op in learned or named]
    return [op.name for op in named]


def _common_start(names):
    """The words at the start that all names share: `block_1`, `conv2_block1`."""
    if len(names) < 2:
        return names[0] if names else None
    start = os.path.commonprefix(names)
    whole = all(name == start or name[len(start)] in "_-./" for name in names)
    if not whole:
        start = re.sub(r"[_\-./]?[^_\-./]*$", "", start)
    start = start.rstrip("_-./")
    return start if re.search(r"\d", start) else None


def _type_label(unit):
    if len(unit.segments) and unit.kind is Kind.LAYER:
        return _layer_label(unit)
    if unit.kind is Kind.BRANCH:
        return _branch_label(unit)
    return {
        Kind.ATTENTION: "encoder",
        Kind.POINTWISE: "conv",
        Kind.DEPTHWISE: "depthwise",
    }.get(unit.kind, unit.kind.value)


def _branch_label(unit):
    ops = [x.operation for s in unit.segments for x in s.steps]
    if any(map(operations.is_sum, ops)):
        return "residual"
    concatenates = any(operations.type_name(op) == "concatenate" for op in ops)
    return "concat" if concatenates else "branch"


def _layer_label(unit):
    ops = [x.operation for s in unit.segments for x in s.steps]
    learned = [op for op in ops if cuts.weights(op)]
    inner = [op for op in learned if not operations.is_norm(op)]
    return operations.type_name((inner or learned or ops)[0])
