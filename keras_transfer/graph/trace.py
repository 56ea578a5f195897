"""A model's calls as one flat list, read without touching the model.

Calls of nested functional and Sequential models are replaced by the calls
inside them. Nothing is added to the Keras graph here: that is `build.py`.
"""

import dataclasses
import weakref
from collections.abc import Iterable, Sequence
from typing import Any

import keras

from keras_transfer import _private, layers
from keras_transfer._private.types import GraphNode, Nested

# For each nested model the casts at its inputs, so that reading a model twice
# finds the same operations.
_CASTS = weakref.WeakKeyDictionary()


@dataclasses.dataclass(eq=False)
class Value:
    """One tensor of the flat graph; `tensor` is where Keras recorded it."""

    tensor: keras.KerasTensor


@dataclasses.dataclass(eq=False)
class Step:
    """One call in the flat graph.

    Attributes:
        operation: the layer or raw operation called.
        args, kwargs: what it is called with; tensors are `Value`s.
        inputs: the `Value`s among `args` and `kwargs`.
        recorded: the tensor that Keras recorded for each of `inputs`.
        outputs: the `Value`s it makes.
    """

    operation: keras.Operation
    args: tuple
    kwargs: dict
    inputs: list
    recorded: list
    outputs: list


@dataclasses.dataclass(eq=False)
class Trace:
    """A flat graph: steps in topological order, structures of `Value`s.

    Attributes:
        steps: every call that the outputs depend on.
        inputs, outputs: structured like the model's.
        ends: for every nested model's name, the operations that it ends in.
        exact: whether shapes and masks of all tensors are as recorded. They
            are not inside a nested model that was built on another shape,
            or called on a masked tensor.
    """

    steps: list
    inputs: Any
    outputs: Any
    ends: dict
    exact: bool


def read(model: keras.Model) -> Trace:
    """Returns the flat graph of a built functional or Sequential model."""
    functional = _require_graph(model)
    reader = _Reader()
    inputs = keras.tree.map_structure(Value, functional.input)
    outputs = reader.expand(functional, keras.tree.flatten(inputs), None)
    outputs = keras.tree.pack_sequence_as(functional.output, outputs)
    needed = needed_steps(reader.steps, keras.tree.flatten(outputs))
    steps = _levels_pooled_at_once(needed)
    return Trace(steps, inputs, outputs, reader.ends, reader.exact)


def is_level(step: Step) -> bool:
    """Whether a step pools an inner level for the head."""
    return isinstance(step.operation, layers.LevelPooling)


def _levels_pooled_at_once(steps: list[Step]) -> list[Step]:
    """Moves the pooling of a level to where that level is made.

    Keras puts it as late as it can, so that the level would have to be kept
    until then beside all that follows it.
    """
    levels = {step.inputs[0]: step for step in steps if is_level(step)}
    others = {x for step in levels.values() for x in step.inputs[1:]}
    # A mask may be made after what it belongs to: such come first.
    masks = needed_steps(steps, others) if others else []
    moved = []
    for step in [*masks, *(step for step in steps if step not in masks)]:
        if not is_level(step):
            moved.append(step)
            moved += [levels[x] for x in step.outputs if x in levels]
    return moved


def needed_steps(
    steps: Sequence[Step],
    outputs: Iterable[Value],
    given: Iterable[Value] = (),
) -> list[Step]:
    """Returns the steps that `outputs` depend on when `given` is known."""
    given = set(given)
    wanted, needed = set(outputs) - given, []
    for step in reversed(steps):
        if not wanted.isdisjoint(step.outputs):
            needed.append(step)
            wanted.update(set(step.inputs) - given)
    return needed[::-1]


def _require_graph(model: keras.Model) -> keras.Model:
    functional = _private.functional_graph(model)
    if functional is not None:
        return functional
    name = getattr(model, "name", None)
    if isinstance(model, keras.Sequential):
        raise ValueError(
            f"The Sequential model '{name}' is not built yet, so it has no "
            "graph to look into. Give it a `keras.Input` as its first entry, "
            "or call `model.build(input_shape)`."
        )
    raise ValueError(
        "Only functional and Sequential models have a graph to look into. "
        f"Received: '{name}' of type {type(model).__name__}, a model that "
        "computes its output in its own `call`. Build it as "
        "`keras.Model(inputs, outputs)`, or use it as one layer of such a "
        "model: it is then one block."
    )


class _Reader:
    """Collects the steps of a graph, going into nested models."""

    def __init__(self) -> None:
        self.steps = []
        self.ends = {}
        self.exact = True

    def expand(
        self,
        functional: keras.Model,
        inputs: list[Value],
        training: bool | None,
    ) -> list[Value]:
        """Reads one model's graph; returns its output `Value`s, flat."""
        values = {
            id(tensor): value
            for tensor, value in zip(functional.inputs, inputs, strict=True)
        }
        for node in _private.graph_nodes(functional):
            self._read_node(node, values, training)
        return [values[id(tensor)] for tensor in functional.outputs]

    def _read_node(
        self, node: GraphNode, values: dict[int, Value], training: bool | None
    ) -> None:
        operation, args, kwargs, tensors = _private.node_call(node)
        recorded = _all_of(keras.KerasTensor, (args, kwargs))
        if any(id(x) not in values for x in recorded):
            return
        args, kwargs = _with_values(args, values), _with_values(kwargs, values)
        if training is not None and _private.takes_training(operation):
            kwargs = {**kwargs, "training": training}
        call = _nested_call(operation, args, kwargs)
        if call is None:
            outputs = [Value(tensor) for tensor in tensors]
            inputs = _all_of(Value, (args, kwargs))
            step = Step(operation, args, kwargs, inputs, recorded, outputs)
            self.steps.append(step)
        else:
            outputs = self._read_nested(operation, *call)
        for tensor, value in zip(tensors, outputs, strict=True):
            values[id(tensor)] = value

    def _read_nested(
        self, model: keras.Model, inputs: list[Value], training: bool | None
    ) -> list[Value]:
        functional = _private.functional_graph(model)
        inputs = [
            self._cast(model, index, value)
            for index, value in enumerate(inputs)
        ]
        for value, tensor in zip(inputs, functional.inputs, strict=True):
            masked = _private.get_mask(value.tensor) is not None
            same = tuple(value.tensor.shape) == tuple(tensor.shape)
            self.exact = self.exact and same and not masked
        outputs = self.expand(functional, inputs, training)
        self.ends[model.name] = [
            _private.tensor_source(value.tensor) for value in outputs
        ]
        return outputs

    def _cast(self, model: keras.Model, index: int, value: Value) -> Value:
        """Does what a model does to an input that is not of its type."""
        wanted = _private.functional_graph(model).inputs[index]
        dtype = value.tensor.dtype
        if dtype == wanted.dtype:
            return value
        made = _CASTS.setdefault(model, {})
        if (index, dtype) not in made:
            given = keras.KerasTensor(value.tensor.shape, dtype)
            made[index, dtype] = (given, keras.ops.cast(given, wanted.dtype))
        given, result = made[index, dtype]
        operation = _private.tensor_source(result)
        output = Value(result)
        step = Step(operation, (value,), {}, [value], [given], [output])
        self.steps.append(step)
        return output


def _all_of(kind: type, structure: Nested) -> list:
    return [x for x in keras.tree.flatten(structure) if isinstance(x, kind)]


def _with_values(structure: Nested, values: dict[int, Value]) -> Nested:
    return keras.tree.map_structure(
        lambda x: values[id(x)] if isinstance(x, keras.KerasTensor) else x,
        structure,
    )


def _nested_call(
    operation: keras.Operation, args: tuple, kwargs: dict[str, Any]
) -> tuple[list[Value], bool | None] | None:
    """Returns `(inputs, training)` if a call can be replaced by its graph."""
    functional = _private.functional_graph(operation)
    if functional is None or not _private.runs_its_graph(operation):
        return None
    kwargs = dict(kwargs)
    inputs = args[0] if args else kwargs.pop("inputs", None)
    training, mask = kwargs.pop("training", None), kwargs.pop("mask", None)
    inputs = _standardize(inputs, functional)
    plain = (
        len(args) <= 1
        and all(value is None for value in kwargs.values())
        and _same_ranks(inputs, functional.inputs)
        and _is_own_mask(mask, inputs)
    )
    return (inputs, training) if plain else None


def _same_ranks(values: list[Value], tensors: list[keras.KerasTensor]) -> bool:
    return len(values) == len(tensors) and all(
        isinstance(value, Value) and len(value.tensor.shape) == len(x.shape)
        for value, x in zip(values, tensors, strict=True)
    )


def _is_own_mask(mask: Value | None, inputs: list[Value]) -> bool:
    """Whether a mask passed by argument is what the inputs carry anyway."""
    carried = {id(_private.get_mask(x.tensor)) for x in inputs}
    return all(
        x is None or (isinstance(x, Value) and id(x.tensor) in carried)
        for x in keras.tree.flatten(mask)
    )


def _standardize(inputs: Nested, functional: keras.Model) -> list:
    """Orders the inputs of a call like the inputs of the model called."""
    if isinstance(inputs, dict) and not isinstance(functional.input, dict):
        return [inputs.get(x.name) for x in functional.inputs]
    return keras.tree.flatten(inputs)
