"""Functional models out of the steps of a flat graph.

The layers are shared. Each call is written once more into the Keras graph,
under new tensors, so the models that it was read from stay what they were.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import keras

from keras_transfer import _private
from keras_transfer._private.types import Nested
from keras_transfer.graph import masking, trace

if TYPE_CHECKING:
    from keras_transfer.graph.trace import Step, Value


def input_like(tensor: keras.KerasTensor) -> keras.KerasTensor:
    """Returns a new `keras.Input` with a tensor's shape, type and name."""
    return keras.Input(
        batch_shape=tensor.shape, dtype=tensor.dtype, name=tensor.name
    )


def build_model(
    steps: Sequence[Step],
    known: dict[Value, keras.KerasTensor],
    inputs: Nested,
    outputs: Nested,
    name: str | None = None,
) -> keras.Model:
    """Returns the functional model from `inputs` to `outputs`.

    Args:
        steps: the steps to draw on, in topological order.
        known: the Keras tensor that stands for each given `Value`.
        inputs: structure of the Keras tensors that the model starts from.
        outputs: structure of the `Value`s that it returns.
        name: name of the model.
    """
    flat_outputs = keras.tree.flatten(outputs)
    needed = trace.needed_steps(steps, flat_outputs, given=known)
    tensors, repeated = dict(known), {}
    for step in needed:
        made = _repeat(step, tensors, repeated)
        tensors.update(zip(step.outputs, made, strict=True))
        recorded = [id(value.tensor) for value in step.outputs]
        repeated.update(zip(recorded, made, strict=True))
    ends = _ends(flat_outputs, tensors, keras.tree.flatten(inputs))
    outputs = keras.tree.map_structure(lambda value: ends[value], outputs)
    operations = {id(step.operation): step.operation for step in needed}
    with _distinct_names(list(operations.values()), inputs):
        return keras.Model(inputs, outputs, name=name)


def _ends(
    outputs: list[Value],
    tensors: dict[Value, keras.KerasTensor],
    inputs: list[keras.KerasTensor],
) -> dict[Value, keras.KerasTensor]:
    """The tensor of each output, which is never an input itself."""
    given = {id(tensor) for tensor in inputs}
    return {
        value: masking.PassThrough()(tensors[value])
        if id(tensors[value]) in given
        else tensors[value]
        for value in outputs
    }


def _repeat(
    step: Step,
    tensors: dict[Value, keras.KerasTensor],
    repeated: dict[int, keras.KerasTensor],
) -> list[keras.KerasTensor]:
    """Records a step on new tensors; returns the tensors it makes."""

    def fill(structure: Nested) -> Nested:
        return keras.tree.map_structure(
            lambda x: tensors[x] if isinstance(x, trace.Value) else x, structure
        )

    args, kwargs = fill(step.args), fill(step.kwargs)
    given = [tensors[value] for value in step.inputs]
    if not all(map(_alike, given, step.recorded)):
        # Another shape or a mask: the layer itself has to work it out.
        return keras.tree.flatten(step.operation(*args, **kwargs))
    copies = [_copy(value.tensor, repeated) for value in step.outputs]
    _private.record_call(step.operation, args, kwargs, copies)
    return copies


def _alike(tensor: keras.KerasTensor, recorded: keras.KerasTensor) -> bool:
    masked = [_private.get_mask(x) is not None for x in (tensor, recorded)]
    return (
        tuple(tensor.shape) == tuple(recorded.shape) and masked[0] == masked[1]
    )


def _copy(
    tensor: keras.KerasTensor, repeated: dict[int, keras.KerasTensor]
) -> keras.KerasTensor:
    copy = keras.KerasTensor(
        tensor.shape, tensor.dtype, sparse=tensor.sparse, name=tensor.name
    )
    mask = _private.get_mask(tensor)
    if mask is not None:
        _private.set_mask(copy, repeated.get(id(mask), mask))
    return copy


@contextlib.contextmanager
def _distinct_names(
    operations: list[keras.Operation], inputs: Nested
) -> Iterator[None]:
    """Lets layers of one name, from two nested models, be in one model.

    Keras refuses that only because it could not save such a model; the names
    are put back afterwards.
    """
    sources = map(_private.tensor_source, keras.tree.flatten(inputs))
    taken = {source.name for source in sources}
    renamed = []
    for operation in operations:
        if operation.name in taken:
            renamed.append((operation, operation.name))
            operation.name = f"{operation.name}__{len(renamed)}"
        taken.add(operation.name)
    try:
        yield
    finally:
        for operation, name in renamed:
            operation.name = name
