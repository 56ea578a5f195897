"""Layers that hold a whole stack of blocks, taken apart.

KerasHub's vision transformers keep all their transformer layers in one layer,
the encoder. As one layer it would be one block, frozen or trained as a whole.
"""

import contextlib
import warnings
from collections.abc import Iterator
from typing import Any

import keras

from keras_transfer import _private
from keras_transfer._private.types import Nested
from keras_transfer.storage.printing import note


def unrolled(backbone: keras.Model) -> keras.Model:
    """The same computation with its stacks of blocks drawn block by block.

    The layers and weights are those of `backbone`, which stays as it was. A
    stack that cannot be drawn is left as it is, and one printed line says so.

    Args:
        backbone: A functional model.

    Returns:
        `backbone` itself if it holds no such layer, otherwise a functional
        model.
    """
    stacks = stacks_in(backbone)
    if not stacks:
        return backbone
    model = _drawn(backbone, stacks)
    if model is not None:
        return model
    names = ", ".join(f"{x.name!r} ({type(x).__name__})" for x in stacks)
    note(
        f"backbone: {names} in {backbone.name!r} cannot be taken apart; each "
        "is one block"
    )
    return backbone


def stacks_in(backbone: keras.Model) -> list[keras.layers.Layer]:
    """The layers of a model that hold a list of composite layers."""
    return [layer for layer in backbone.layers if _is_stack(layer)]


def _is_stack(layer: keras.layers.Layer) -> bool:
    """Whether a layer holds a list of layers that have layers themselves."""
    return not isinstance(layer, keras.Model) and any(
        isinstance(value, list) and len(value) > 1 and all(map(_is_part, value))
        for name, value in vars(layer).items()
        if not name.startswith("_")
    )


def _is_part(value: object) -> bool:
    return (
        isinstance(value, keras.layers.Layer)
        and len(_private.leaf_layers(value)) > 1
    )


def _drawn(
    backbone: keras.Model, stacks: list[keras.layers.Layer]
) -> keras.Model | None:
    def call(layer: keras.layers.Layer, *args: Any, **kwargs: Any) -> Nested:
        # Not `layer(...)`: on symbolic tensors this records its inner calls.
        in_stack = any(layer is stack for stack in stacks)
        return (layer.call if in_stack else layer)(*args, **kwargs)

    plain = keras.Model(backbone.input, backbone.output, name=backbone.name)
    try:
        with warnings.catch_warnings(), _distinct_names(stacks):
            warnings.simplefilter("ignore")
            model = keras.models.clone_model(
                plain, clone_function=lambda layer: layer, call_function=call
            )
    except (TypeError, ValueError, AttributeError):
        # Its `call` needs values, or shapes that are not known yet.
        return None
    same = {id(x) for x in model.weights} == {id(x) for x in backbone.weights}
    return model if same else None


@contextlib.contextmanager
def _distinct_names(stacks: list[keras.layers.Layer]) -> Iterator[None]:
    """Lets the parts of several stacks, often named alike, be in one model."""
    layers = {
        id(layer): (layer, layer.name, f"{stack.name}_{layer.name}")
        for stack in stacks
        for layer in _private.leaf_layers(stack)
        if layer is not stack
    }
    try:
        for layer, _, longer in layers.values():
            layer.name = longer
        yield
    finally:
        for layer, name, _ in layers.values():
            layer.name = name
