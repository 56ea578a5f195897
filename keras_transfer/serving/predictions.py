"""What the numbers of a head mean: names of classes, and of values."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from keras_transfer import graph
from keras_transfer._private.types import Nested

if TYPE_CHECKING:
    from keras_transfer.models.transfer.transfer_model import TransferModel

_SHOWN = 3


def describe(model: TransferModel, values: Nested) -> dict[str, Any]:
    """Turns one row of a model's output into names and scores.

    Args:
        model: a `TransferModel`.
        values: `(outputs,)`, its output for one sample. Of a model with
            several outputs they are nested as its output is.

    Returns:
        For a softmax, and for one sigmoid with two class names, `label`,
        `score` and `top`, the best three; for sigmoids `labels` (those above
        0.5) and `top`; for a regression `values`, a number by name. For
        several outputs a dict of these by name of the output.
    """
    activations = output_activations(model)
    names = names_by_output(model, model.class_names)
    rows = keras.tree.flatten(values) if len(activations) > 1 else [values]
    found = {
        output: _described(np.asarray(row), activations[output], names[output])
        for output, row in zip(activations, rows, strict=True)
    }
    return found if len(found) > 1 else found.popitem()[1]


def output_activations(model: TransferModel) -> dict[str, str]:
    """Returns the last activation of each output, by name of the output.

    Args:
        model: a `TransferModel`.
    """
    found = [ending.activation for ending in graph.endings(model.head)]
    return dict(zip(_output_names(model), found, strict=True))


def names_by_output(
    model: TransferModel,
    names: Iterable[str] | dict[str, Iterable[str] | None] | None,
) -> dict[str, list[str] | None]:
    """Returns the class names of each output, `None` for one without.

    Args:
        model: a `TransferModel`.
        names: the names of the only output, or a dict of names by output.

    Raises:
        ValueError: names of several outputs that are no dict of these, or
            another number of names than of columns.
    """
    outputs = _output_names(model)
    by_output = {} if names is None else names
    if len(outputs) == 1 and not isinstance(by_output, dict):
        by_output = {outputs[0]: names}
    if not isinstance(by_output, dict) or set(by_output) - set(outputs):
        raise ValueError(
            f"'{model.name}' has {len(outputs)} outputs, {outputs}. Received: "
            f"class_names={names!r}. Expected a dict with a list of names for "
            "those outputs that have classes, by name of the output."
        )
    found = {output: _listed(by_output.get(output)) for output in outputs}
    for output, tensor, activation in zip(
        outputs, model.outputs, output_activations(model).values(), strict=True
    ):
        _check_number(found[output], activation, output, tensor.shape[-1])
    return found


def _check_number(
    names: list[str] | None, activation: str, output: str, num_outputs: int
) -> None:
    """Raises unless names are one a column, or the two of one sigmoid."""
    if names is None or len(names) == num_outputs:
        return
    if is_pair(activation, num_outputs, names):
        return
    raise ValueError(
        f"The class names do not fit the output '{output}'. Received: "
        f"{len(names)} names for {num_outputs} outputs. Expected one name "
        "an output, in the order of the labels; for one sigmoid either its "
        "name or two, of label 0 and of label 1."
    )


def _listed(names: Iterable[str] | None) -> list[str] | None:
    if names is None:
        return None
    if isinstance(names, str) or not isinstance(names, Iterable):
        raise ValueError(
            f"Class names are a list of words. Received: {names!r}. Expected "
            "for example ['daisy', 'rose']."
        )
    return [str(name) for name in names]


def _output_names(model: TransferModel) -> list[str]:
    """Returns the names of the outputs: keys of a dict, or of the layers."""
    if isinstance(model.output, dict):
        return sorted(model.output)
    names: Any = getattr(model.head, "output_names", model.output_names)
    # Two outputs of one layer have its name.
    return [
        name if names.count(name) == 1 else f"{name}_{index}"
        for index, name in enumerate(names)
    ]


def is_pair(activation: str, num_outputs: int, names: list[str] | None) -> bool:
    """Whether two names belong to one sigmoid: of label 0, and of label 1."""
    return (
        activation == "sigmoid" and num_outputs == 1 and len(names or ()) == 2
    )


def _described(
    values: np.ndarray, activation: str, names: list[str] | None
) -> dict[str, Any]:
    names = names or [str(i) for i in range(len(values))]
    if is_pair(activation, len(values), names):
        activation = "softmax"
        values = np.array([1 - values[0], values[0]])
    if activation not in ("softmax", "sigmoid"):
        return {"values": dict(zip(names, map(float, values), strict=True))}
    order = values.argsort()[::-1][:_SHOWN]
    top = [{"label": names[i], "score": float(values[i])} for i in order]
    if activation == "softmax":
        return {**top[0], "top": top}
    chosen = [n for n, v in zip(names, values, strict=True) if v > 0.5]
    return {"labels": chosen, "top": top}
