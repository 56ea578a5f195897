"""The part of a model below its top, as a functional model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras

from keras_transfer import _private, graph
from keras_transfer._private.types import Shape
from keras_transfer.storage.printing import note

if TYPE_CHECKING:
    from keras_transfer.graph.cuts import Cut


def feature_extractor(
    model: keras.Model,
    input_shape: Shape | None,
    output_layer: str | None,
    is_top: bool,
) -> keras.Model:
    """The part of a model that gives its features, as a functional model.

    Args:
        model: A `keras.Model`.
        input_shape: Shape of one sample, for a model that is not built.
        output_layer: Name of the layer whose output is the feature, or `None`.
        is_top: Whether the model may have a top, which is left out.

    Raises:
        ValueError: If there is no graph to find the layer in, or the shape of
            the input is not known.
    """
    if isinstance(model, keras.Sequential):
        if not model.built and input_shape is not None:
            model.build((None, *input_shape))
    elif _private.functional_graph(model) is None:
        return _one_block(model, input_shape, output_layer)
    if is_top or output_layer is not None:
        return below_top(model, output_layer)
    return model


def _one_block(
    model: keras.Model, input_shape: Shape | None, output_layer: str | None
) -> keras.Model:
    """A functional model around a model that has no graph."""
    described = f"{model.name!r}, a subclassed {type(model).__name__}"
    if output_layer is not None:
        raise ValueError(
            f"output_layer={output_layer!r} needs a model with a graph. "
            f"Received {described}. Build the feature extractor yourself, as "
            "`keras.Model(inputs, features)`."
        )
    if input_shape is None:
        raise ValueError(
            f"The shape of the input of {described}, is not known. Give "
            "`input_shape`, the shape of one sample."
        )
    note(f"backbone: {described}, is one block and is used up to its output")
    inputs = keras.tree.map_shape_structure(
        lambda shape: keras.Input(tuple(shape)), input_shape
    )
    return keras.Model(inputs, model(inputs), name=model.name)


def below_top(
    model: keras.Model, output_layer: str | None = None
) -> keras.Model:
    """The part of a model up to `output_layer`, or below its top.

    One printed line says what is left out.
    """
    prefix, cut, dropped = without_top(model, output_layer)
    if dropped:
        note(
            f"backbone: cut {model.name!r} at {cut.name!r} {cut.shape}; "
            f"dropped {_shortened(dropped)}"
        )
    return prefix


def without_top(
    model: keras.Model, output_layer: str | None = None
) -> tuple[keras.Model, Cut | None, list[str]]:
    """Returns `(model, cut, names)`: `below_top`, where, and what it lacks."""
    functional = _private.functional_graph(model)
    cut = None
    if output_layer is not None or not _ends_in_map(functional):
        cut = graph.top_cut(model, output_layer=output_layer)
    if cut is None:
        # A Sequential has no symbolic `input` and `output` of its own.
        if functional is not model:
            model = keras.Model(
                functional.input, functional.output, name=model.name
            )
        return model, None, []
    prefix, suffix = graph.split(model, cut)
    # A padding mask may pass beside the cut; the features come first.
    output = keras.tree.flatten(prefix.output)[0]
    prefix = keras.Model(prefix.input, output, name=model.name)
    dropped = [
        operation.name
        for operation in suffix.operations
        if not graph.is_added(operation)
    ]
    return prefix, cut, dropped


def _ends_in_map(functional: keras.Model) -> bool:
    """Whether the only output is a feature map or a sequence.

    A small image may leave one position of it: that is no top either.
    """
    outputs = [] if functional is None else functional.outputs
    return len(outputs) == 1 and len(outputs[0].shape) > 2


def _shortened(names: list[str], limit: int = 8) -> str:
    rest = len(names) - limit
    more = [f"... ({rest} more)"] if rest > 0 else []
    return ", ".join(names[:limit] + more)
