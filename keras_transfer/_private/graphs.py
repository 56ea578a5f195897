"""Private names of functional graphs."""

from typing import Any

import keras
from keras.src.models.functional import Functional
from keras.src.ops.node import Node

from keras_transfer._private.types import GraphNode, Tensor


def functional_graph(model: keras.Operation) -> keras.Model | None:
    """Returns the functional model that holds a model's graph, or `None`.

    That is the model itself, or what a built `Sequential` keeps inside.
    Uses the class `Functional` and `Sequential._functional`.
    """
    if isinstance(model, keras.Sequential):
        return model._functional
    return model if isinstance(model, Functional) else None


def runs_its_graph(model: keras.Operation) -> bool:
    """Tells whether calling a functional model runs its graph and no more.

    A `call` of this package that does so says it: `call.runs_graph = True`.
    Uses the methods `call` of `Functional` and `Sequential`.
    """
    call = type(model).call
    known = (Functional.call, keras.Sequential.call)
    return call in known or getattr(call, "runs_graph", False)


def graph_nodes(functional: keras.Model) -> list[GraphNode]:
    """Returns the calls of a functional model's graph, inputs first.

    Uses `Function._nodes_by_depth` and `Node.is_input`.
    """
    by_depth = functional._nodes_by_depth
    return [
        node
        for depth in sorted(by_depth, reverse=True)
        for node in by_depth[depth]
        if not node.is_input
    ]


def node_call(
    node: GraphNode,
) -> tuple[keras.Operation, tuple, dict[str, Any], list[keras.KerasTensor]]:
    """Returns `(operation, args, kwargs, outputs)` of one call in a graph.

    Uses `Node.operation`, `Node.arguments` and `Node.outputs`.
    """
    arguments = node.arguments
    return node.operation, arguments.args, arguments.kwargs, node.outputs


def record_call(
    operation: keras.Operation,
    args: tuple,
    kwargs: dict[str, Any],
    outputs: list[keras.KerasTensor],
) -> None:
    """Records in the graph that `operation` made `outputs` of its arguments.

    Does no shape inference. Uses the class `Node`.
    """
    Node(operation, call_args=args, call_kwargs=kwargs, outputs=outputs)


def tensor_source(tensor: keras.KerasTensor) -> keras.Operation:
    """Returns the operation that made a symbolic tensor.

    Uses `KerasTensor._keras_history`.
    """
    return tensor._keras_history.operation


def takes_training(operation: keras.Operation) -> bool:
    """Tells whether `operation` takes `training=` from the call around it.

    Uses `Layer._call_has_training_arg`.
    """
    return getattr(operation, "_call_has_training_arg", False)


def get_mask(tensor: Tensor) -> Tensor | None:
    """Returns the mask that travels with a tensor, or `None`.

    Uses the attribute `_keras_mask`.
    """
    return getattr(tensor, "_keras_mask", None)


def set_mask(tensor: Tensor, mask: Tensor | None) -> None:
    """Makes `mask` travel with a symbolic tensor.

    Uses the attribute `_keras_mask`.
    """
    tensor._keras_mask = mask
