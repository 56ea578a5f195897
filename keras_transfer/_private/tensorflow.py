"""Private names of TensorFlow, which need not be there."""

import inspect
import itertools
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from keras_transfer._private.types import Data, FuncGraph, NativeStrategy

# How the names of the functions begin that Keras' trainers trace.
_STEPS = ("one_step_on_data", "multi_step_on_")

# What no strategy of TensorFlow begins with; it counts groups from 1.
_GROUPS = itertools.count(10**6, 10**3)


def mirrored_strategy(devices: Sequence[str] | None) -> NativeStrategy:
    """Returns a `MirroredStrategy` whose devices are a group of their own.

    Each one numbers its groups of devices from 1, and two of one process take
    each other's for their own.

    Uses `MirroredStrategy._collective_key_base`.
    """
    strategy = sys.modules["tensorflow"].distribute.MirroredStrategy
    before = strategy._collective_key_base
    strategy._collective_key_base = next(_GROUPS)
    try:
        return strategy(devices)
    finally:
        strategy._collective_key_base = before


def groups_of_devices(strategy: NativeStrategy) -> dict[str, int]:
    """Returns the groups of a `tf.distribute` strategy: numbers by devices.

    Uses `StrategyExtended._collective_keys` and `CollectiveKeys._known_groups`.
    """
    keys = getattr(strategy.extended, "_collective_keys", None)
    return dict(getattr(keys, "_known_groups", {}))


def pipeline_inputs(dataset: Data) -> Sequence[Data]:
    """Returns the data sets that one step of a `tf.data` pipeline reads.

    None of anything else. Uses `tf.data.Dataset._inputs`.
    """
    inputs = getattr(dataset, "_inputs", None)
    return inputs() if callable(inputs) else ()


def trace_quietly(function: Callable | None) -> None:
    """Spares a function of Keras' trainers the warning of frequent tracing.

    TensorFlow counts the tracings of all functions that were written in one
    place together, and so those of several models, each traced once.

    Uses `Function._omit_frequent_tracing_warning`, and that the function of a
    training closes over those that are traced.

    Args:
        function: what `make_train_function` and its like have made; on other
            backends it stays as it is.
    """
    if hasattr(function, "_omit_frequent_tracing_warning"):
        function._omit_frequent_tracing_warning = True
    # What wraps a traced function has a copy of the attribute.
    if inspect.isfunction(function):
        for each in inspect.getclosurevars(function).nonlocals.values():
            trace_quietly(each)


def step_gradients() -> list[str]:
    """Returns the names of the gradients that steps of `fit` have registered.

    For each `tf.custom_gradient` in a function that it traces, TensorFlow
    registers a gradient, for good; with it stay the graph of the function and
    the memory of all variables that it uses, the optimizer's too. In `fit`
    there is always one: optimizers add up the gradients of all replicas by it.

    Those of functions that somebody else has traced, inside of such a step
    too, and of a step that is being traced in another thread are not among
    them. Uses the `gradient_registry`, what a registered function holds, and
    the names of the functions that Keras traces.
    """
    return [
        name
        for name, entry in list(_gradients().items())
        if name.startswith("CustomGradient")
        and any(map(_is_step_of_fit, _graphs_of(entry["type"])))
    ]


def forget_step_gradients() -> None:
    """Lets go of the graphs and variables of models that `fit` has trained.

    Nothing is lost: a gradient is looked up when another one is built on it,
    and a step that is traced to its end has built all of its own. A model
    that goes on training runs the step that it has, or traces a new one.
    """
    registry = _gradients()
    for name in step_gradients():
        registry.pop(name, None)


def _gradients() -> dict[str, Any]:
    """TensorFlow's registry of gradients; empty where there is none."""
    ops = sys.modules.get("tensorflow.python.framework.ops")
    registry = getattr(ops, "gradient_registry", None)
    return getattr(registry, "_registry", {})


def _graphs_of(gradient: Callable) -> Iterator[FuncGraph]:
    """Yields the graphs of the tensors that a custom gradient belongs to."""
    inner = _closure(gradient).get("tape_grad_fn")
    nest = sys.modules["tensorflow"].nest
    for tensor in nest.flatten(_closure(inner).get("result")):
        yield getattr(tensor, "graph", None)


def _closure(function: Callable | None) -> Mapping[str, Any]:
    if not inspect.isfunction(function):
        return {}
    return inspect.getclosurevars(function).nonlocals


def _is_step_of_fit(graph: FuncGraph) -> bool:
    # What lies in a branch or a loop belongs to the function around it.
    while getattr(graph, "outer_graph", None) is not None and (
        type(graph).__name__ != "FuncGraph"
    ):
        graph = graph.outer_graph
    name = getattr(graph, "name", "")
    return name.startswith(_STEPS) and bool(graph.outputs)
