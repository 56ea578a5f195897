"""What a SavedModel takes: bytes where a model takes pixels, else floats."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import keras

from keras_transfer._private.types import Nested, Shape
from keras_transfer.backbones.channels import channel_axis

if TYPE_CHECKING:
    from keras_transfer.models.transfer.transfer_model import TransferModel


def traced(
    function: Callable[[Nested], Nested], model: TransferModel
) -> Callable[[Nested], Nested]:
    """Returns a function of a model's inputs, traced for what is served.

    Its first trace, which becomes the signature, has uint8 where the input is
    known to be pixels, or is an image of three channels that nothing is known
    of: a `TransferModel` takes 0..255. From Python it takes floats there too,
    since arrays of floats would be cut down to whole numbers without a word.

    Args:
        function: a function of one argument, nested as the model's input.
        model: a `TransferModel`.
    """
    import tensorflow as tf

    def on_floats(inputs: Nested) -> Nested:
        return function(
            keras.tree.map_structure(
                lambda x, like: tf.cast(x, like.dtype), inputs, model.input
            )
        )

    found = tf.function(on_floats)
    for dtypes in types_taken(model):
        specs = [
            tf.TensorSpec(tensor.shape, dtype, name=tensor.name)
            for tensor, dtype in zip(model.inputs, dtypes, strict=True)
        ]
        found.get_concrete_function(
            keras.tree.pack_sequence_as(model.input, specs)
        )
    return found


def types_taken(model: TransferModel) -> list[list[str]]:
    """Returns the types that an export takes, those of its signature first.

    Args:
        model: a `TransferModel`.

    Returns:
        A list of one or two lists with a type for each input; the last one
        holds the model's own types.
    """
    own = [keras.backend.standardize_dtype(x.dtype) for x in model.inputs]
    served = [
        "uint8" if _is_pixels(tensor.shape[1:], known) else dtype
        for tensor, known, dtype in zip(
            model.inputs, model._pixel_inputs, own, strict=True
        )
    ]
    return [served] if served == own else [served, own]


def _is_pixels(shape: Shape, known: bool | None) -> bool:
    if known is not None:
        return known
    return len(shape) == 3 and shape[channel_axis(tuple(shape))] == 3
