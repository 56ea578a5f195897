"""The tensors at which a model can be cut in two."""

from __future__ import annotations

import collections
import dataclasses
import difflib
from typing import TYPE_CHECKING

import keras

from keras_transfer import _private
from keras_transfer._private.types import Nested
from keras_transfer.graph import build, operations, trace

if TYPE_CHECKING:
    from keras_transfer.graph.trace import Step, Trace, Value


@dataclasses.dataclass(frozen=True)
class Cut:
    """A tensor through which everything that comes later passes.

    Attributes:
        index: place among all cuts of the model, from input to output.
        name: name of the operation that makes the tensor.
        tensor: the symbolic tensor, with `.shape` and `.dtype`.
        side: further tensors that the later part reads: what was given from
            outside (a padding mask, token ids), and levels that were pooled
            for the head. Empty for all but token models and those with
            levels.
    """

    index: int
    name: str
    tensor: keras.KerasTensor = dataclasses.field(compare=False, repr=False)
    side: tuple = dataclasses.field(default=(), compare=False, repr=False)

    @property
    def shape(self) -> tuple[int | None, ...]:
        """Shape of the tensor, the batch dimension first."""
        return tuple(self.tensor.shape)

    @property
    def masked(self) -> bool:
        """Whether a Keras mask travels with the tensor."""
        return _private.get_mask(self.tensor) is not None

    @property
    def operation(self) -> keras.Operation:
        """The layer or raw operation that makes the tensor."""
        return _private.tensor_source(self.tensor)


@dataclasses.dataclass(frozen=True)
class Place:
    """A cut with where it lies in a flat graph: after `steps[position]`."""

    cut: Cut
    position: int
    value: trace.Value
    side: tuple


def cut_points(model: keras.Model) -> list[Cut]:
    """Returns the tensors at which `model` can be cut, input to output.

    A tensor is one of them when no earlier tensor is used after it: the
    output of every layer of a plain chain, but nothing inside a residual
    block. Nested models are looked into. Raw operations count.

    Args:
        model: a built functional or Sequential model.

    Returns:
        A list of `Cut`, in order. The last one is the model's output, if the
        model has one output.

    Raises:
        ValueError: `model` has no graph (subclassed, or not built yet).

    Examples:
        >>> model = keras.applications.VGG16(include_top=False, weights=None)
        >>> cut_points(model)[0].name
        'block1_conv1'
    """
    return [place.cut for place in places(exact_trace(model))]


def exact_trace(model: keras.Model) -> Trace:
    """Reads a model's flat graph, with all shapes and masks in it right."""
    flat = trace.read(model)
    if flat.exact:
        return flat
    # Calling the layers once more gives the shapes and masks.
    repeated = model_from(model, flat, flat.steps, flat.outputs)
    return dataclasses.replace(trace.read(repeated), ends=flat.ends)


def model_from(
    model: keras.Model,
    flat: Trace,
    steps: list[Step],
    outputs: Nested,
    name: str | None = None,
) -> keras.Model:
    """Returns the functional model from the inputs of `model` to `outputs`.

    Args:
        model: the model that `flat` was read from.
        flat: its flat graph.
        steps: the steps to draw on, in topological order.
        outputs: structure of the `Value`s that it returns.
        name: name of the model.
    """
    functional = _private.functional_graph(model)
    given = keras.tree.flatten(flat.inputs)
    known = dict(zip(given, functional.inputs, strict=True))
    return build.build_model(steps, known, functional.input, outputs, name)


def places(flat: Trace) -> list[Place]:
    """Returns the `Place` of every cut in a flat graph."""
    last_use = _last_use(flat)
    light = light_values(flat)
    alive = set(keras.tree.flatten(flat.inputs))
    calls = collections.Counter()
    made = _order_of_making(flat)
    found = []
    for position, step in enumerate(flat.steps):
        calls[id(step.operation)] += 1
        alive.update(step.outputs)
        alive = {x for x in alive if last_use.get(x, -1) > position}
        value, side = _single(step, alive, light)
        if value is None:
            continue
        name = _call_name(step.operation, calls[id(step.operation)])
        side = sorted(side, key=lambda x: (last_use[x], made[x]))
        tensors = tuple(x.tensor for x in side)
        cut = Cut(len(found), name, value.tensor, tensors)
        found.append(Place(cut, position, value, tuple(side)))
    return found


def _order_of_making(flat: Trace) -> dict[Value, int]:
    values = keras.tree.flatten(flat.inputs)
    values += [value for step in flat.steps for value in step.outputs]
    return {value: index for index, value in enumerate(values)}


def _last_use(flat: Trace) -> dict[Value, int]:
    last = {}
    for position, step in enumerate(flat.steps):
        last.update(dict.fromkeys(step.inputs, position))
    outputs = keras.tree.flatten(flat.outputs)
    last.update(dict.fromkeys(outputs, len(flat.steps)))
    return last


def _single(
    step: Step, alive: set[Value], light: set[Value]
) -> tuple[Value | None, set[Value]]:
    """Returns the one tensor of `step` that later steps need, and the rest."""
    for candidates in (alive, alive - light):
        if len(candidates) == 1:
            (value,) = candidates
            if value in step.outputs:
                return value, alive - {value}
    return None, set()


def _call_name(operation: keras.Operation, number: int) -> str:
    return operation.name if number == 1 else f"{operation.name}#{number}"


def light_values(flat: Trace) -> set[Value]:
    """Returns the `Value`s that may pass beside a cut.

    They are given from outside (token ids, masks): no weight had a part in
    them, and they are whole numbers or truth values or come from nothing
    else. Or they are levels that were pooled for the head.
    """
    inputs = keras.tree.flatten(flat.inputs)
    free = set(inputs)
    light = {x for x in inputs if _is_discrete(x)}
    for step in flat.steps:
        if trace.is_level(step):
            light.update(step.outputs)
            continue
        has_weights = bool(operations.weights(step.operation))
        if has_weights or not free.issuperset(step.inputs):
            continue
        free.update(step.outputs)
        every = light.issuperset(step.inputs)
        light.update(x for x in step.outputs if every or _is_discrete(x))
    return light


def _is_discrete(value: Value) -> bool:
    return not keras.backend.is_float_dtype(value.tensor.dtype)


def find(flat: Trace, cut: Cut | str) -> Place:
    """Returns the `Place` of a `Cut` or of a named operation.

    Raises:
        ValueError: there is no such cut in this flat graph.
    """
    known = places(flat)
    if isinstance(cut, Cut):
        name = cut.name
        matches = [x for x in known if x.cut.tensor is cut.tensor]
        # Read from another model over the same layers, or read once more.
        same = [x for x in known if x.cut.operation is cut.operation]
        matches = matches or same
        matches = [x for x in matches if x.cut.name == name] or matches
    else:
        name, ends = cut, flat.ends.get(cut, ())
        matches = [
            x for x in known if x.cut.name == name or x.cut.operation in ends
        ]
    if not matches and isinstance(cut, Cut) and not _is_of(flat, cut):
        raise ValueError(
            f"The cut '{cut.name}' is of another model: the layer that makes "
            "its tensor is none of this one. `cut_points(model)` and "
            "`blocks(model)` give those of a model."
        )
    if not matches:
        raise ValueError(_no_cut_message(flat, name, known))
    return matches[0]


def _is_of(flat: Trace, cut: Cut) -> bool:
    return any(step.operation is cut.operation for step in flat.steps)


def has_operation(flat: Trace, name: str) -> bool:
    """Whether a flat graph has an operation, or a nested model, of a name."""
    inside = {step.operation.name for step in flat.steps} | set(flat.ends)
    return name in inside


def _no_cut_message(flat: Trace, name: str, known: list[Place]) -> str:
    names = {place.cut.name for place in known}
    near = difflib.get_close_matches(str(name), sorted(names), n=3, cutoff=0.4)
    near = near or sorted(names)[:3]
    if has_operation(flat, name):
        return (
            f"The model cannot be cut at '{name}': other tensors pass beside "
            f"its output (it lies inside a branch). Cuts near it: {near}. "
            "`cut_points(model)` lists them all."
        )
    return (
        f"The model has no operation named '{name}'. The nearest names at "
        f"which it can be cut: {near}. `cut_points(model)` lists them all, and "
        "`blocks(model)` the blocks."
    )
