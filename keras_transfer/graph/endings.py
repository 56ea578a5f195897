"""How models end: the activation of each output, and the scores before it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import keras

from keras_transfer import _private
from keras_transfer.graph import operations, trace

if TYPE_CHECKING:
    from keras_transfer.graph.trace import Step, Value

layers = keras.layers

# Layers that hand on what they get outside of training.
_TRANSPARENT = (
    layers.Dropout,
    layers.GaussianDropout,
    layers.GaussianNoise,
    layers.ActivityRegularization,
    layers.Identity,
)


@dataclasses.dataclass(frozen=True)
class Ending:
    """The end of one output.

    Attributes:
        activation: name of the last activation, `"linear"` if there is none.
        operation: the operation that makes the scores.
        is_inside: whether the activation is inside of that operation, so that
            only its result can be read.
    """

    activation: str
    operation: keras.Operation
    is_inside: bool


def endings(layer: keras.layers.Layer) -> list[Ending]:
    """Returns the `Ending` of each output of a layer or model.

    Args:
        layer: a built layer or model. A layer without a graph ends in what
            its attribute `activation` says.

    Examples:
        >>> head = keras.Sequential([keras.Input((8,)), keras.layers.Dense(3),
        ...                          keras.layers.Softmax()])
        >>> endings(head)[0].activation
        'softmax'
    """
    if _private.functional_graph(layer) is None:
        return [_ending_of(layer)]
    flat = trace.read(layer)
    makers = {value: step for step in flat.steps for value in step.outputs}
    outputs = keras.tree.flatten(flat.outputs)
    return [_followed(value, makers) for value in outputs]


def activation_of(layer: keras.layers.Layer) -> str | None:
    """Returns the name of a head's last activation.

    Args:
        layer: a built layer or model with one output.

    Returns:
        `"softmax"`, `"sigmoid"`, ...; `"linear"` for none. `None` for several
        outputs.
    """
    found = endings(layer)
    return found[0].activation if len(found) == 1 else None


def last_activation(operation: keras.Operation) -> str:
    """Returns the name of the activation that one operation ends in.

    Args:
        operation: a layer or a raw operation.
    """
    name = operations.type_name(operation)
    if name == "softmax":
        return name if operation.axis == -1 else "softmax over positions"
    activation = getattr(operation, "activation", None)
    if activation is None:
        return name if operations.activates(operation) else "linear"
    if isinstance(activation, str):
        return activation
    return getattr(activation, "__name__", "custom")


def _followed(value: Value, makers: dict[Value, Step]) -> Ending:
    """The ending of one output, past all that hands its input on."""
    step = makers.get(value)
    while step is not None and _hands_on(step.operation):
        step = makers.get(step.inputs[0])
    if step is None:
        return Ending("linear", None, is_inside=False)
    ending = _ending_of(step.operation)
    before = makers.get(step.inputs[0]) if step.inputs else None
    if ending.activation == "linear" or not _only_activates(step.operation):
        return ending
    if before is None:
        return ending
    return Ending(ending.activation, before.operation, is_inside=False)


def _ending_of(operation: keras.Operation) -> Ending:
    name = last_activation(operation)
    return Ending(name, operation, is_inside=name != "linear")


def _hands_on(operation: keras.Operation) -> bool:
    if isinstance(operation, layers.Activation):
        return last_activation(operation) == "linear"
    if operations.type_name(operation) in ("cast", "passthrough"):
        return True
    return isinstance(operation, _TRANSPARENT)


def _only_activates(operation: keras.Operation) -> bool:
    """Whether an operation is an activation and no more."""
    if isinstance(operation, layers.Layer):
        return isinstance(operation, layers.Activation | layers.Softmax)
    return operations.activates(operation)
