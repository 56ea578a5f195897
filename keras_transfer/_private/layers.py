"""Private names of layers and models."""

import contextlib
import functools
import inspect
from typing import Any

import keras

from keras_transfer._private.types import Nested


def leaf_layers(layer: keras.layers.Layer) -> list[keras.layers.Layer]:
    """Returns every layer at or below `layer` but the models that only group.

    A composite layer (`MultiHeadAttention`) comes before its parts.
    Uses `Layer._flatten_layers` and `Layer._trainable_variables`.
    """
    return [
        each
        for each in layer._flatten_layers(include_self=True, recursive=True)
        if not isinstance(each, keras.Model) or each._trainable_variables
    ]


def nested_models(layer: keras.layers.Layer) -> list[keras.Model]:
    """Returns `layer` and everything below it that is a `keras.Model`.

    Uses `Layer._flatten_layers`.
    """
    return [
        each
        for each in layer._flatten_layers(include_self=True, recursive=True)
        if isinstance(each, keras.Model)
    ]


def own_trainable_variables(layer: keras.layers.Layer) -> list[keras.Variable]:
    """Returns the variables that `layer.trainable = True` makes trainable.

    Uses `Layer._trainable_variables`, which holds them whatever the flag says.
    """
    return list(layer._trainable_variables)


# How layers call the strength of what they draw: `Dropout`, `GaussianNoise`,
# recurrent layers and `Attention`.
_STRENGTHS = ("rate", "stddev", "dropout", "recurrent_dropout")


def draws_random_numbers(layer: keras.layers.Layer) -> bool:
    """Tells whether a layer itself may draw in training (not its parts).

    It has a seed generator, and not only strengths of 0: every recurrent layer
    has a generator, whether it drops or not.
    Uses `Layer._seed_generators`.
    """
    strengths = [getattr(layer, name, None) for name in _STRENGTHS]
    numbers = [each for each in strengths if isinstance(each, int | float)]
    is_still = bool(numbers) and not any(numbers)
    return bool(layer._seed_generators) and not is_still


def infer_while_frozen(layer: keras.layers.Layer) -> None:
    """Lets a layer run in inference mode as long as its flag is off.

    Keras does so for batch normalisation alone: dropout in a frozen layer
    drops, and whatever else asks for `training` is told `True`. A layer whose
    `call` has no such argument stays as it is. A recurrent layer with dropout
    draws in inference too, and does not while it is frozen.
    Uses `Layer.__call__` taking `call` from the instance,
    `Layer._flatten_layers`, and rates of 0 for which cells draw nothing.
    """
    call = layer.call
    is_known = "call" in vars(layer)
    if is_known or "training" not in inspect.signature(call).parameters:
        return

    @functools.wraps(call)
    def call_as_flagged(
        *args: Any, training: bool | None = None, **kwargs: Any
    ) -> Nested:
        training = training and layer.trainable
        with contextlib.ExitStack() as rates:
            if not layer.trainable:
                _drop_nothing(layer, rates)
            return call(*args, training=training, **kwargs)

    layer.call = call_as_flagged


def _drop_nothing(
    layer: keras.layers.Layer, ends: contextlib.ExitStack
) -> None:
    """Sets the rates of recurrent cells to 0 until `ends` is left."""
    for each in layer._flatten_layers(include_self=False):
        if not hasattr(each, "recurrent_dropout"):
            continue
        for name in ("dropout", "recurrent_dropout"):
            if name in vars(each):
                ends.callback(setattr, each, name, getattr(each, name))
                setattr(each, name, 0.0)


def runs_in_inference(layer: keras.layers.Layer) -> bool:
    """Whether `infer_while_frozen` keeps a layer in inference mode now."""
    return "call" in vars(layer) and not layer.trainable


def seed_states(layer: keras.layers.Layer) -> list[keras.Variable]:
    """Returns the states of all seed generators at or below `layer`.

    Each is a variable `[seed, counter]`.
    Uses `Layer._flatten_layers`, `Layer._seed_generators` and
    `SeedGenerator.state`.
    """
    return [
        generator.state
        for each in layer._flatten_layers(include_self=True, recursive=True)
        for generator in each._seed_generators
    ]
