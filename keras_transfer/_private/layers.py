"""Private names of layers and models."""

import functools
import inspect

import keras


def leaf_layers(layer):
    """Returns every layer at or below `layer` but the models that only group.

    A composite layer (`MultiHeadAttention`) comes before its parts.
    Uses `Layer._flatten_layers` and `Layer._trainable_variables`.
    """
    return [
        each
        for each in layer._flatten_layers(include_self=True, recursive=True)
        if not isinstance(each, keras.Model) or each._trainable_variables
    ]


def nested_models(layer):
    """Returns `layer` and everything below it that is a `keras.Model`.

    Uses `Layer._flatten_layers`.
    """
    return [
        each
        for each in layer._flatten_layers(include_self=True, recursive=True)
        if isinstance(each, keras.Model)
    ]


def own_trainable_variables(layer):
    """Returns the variables that `layer.trainable = True` makes trainable.

    Uses `Layer._trainable_variables`, which holds them whatever the flag says.
    """
    return list(layer._trainable_variables)


def draws_random_numbers(layer):
    """Tells whether a layer itself has a seed generator (not its parts).

    Uses `Layer._seed_generators`.
    """
    return bool(layer._seed_generators)


def infer_while_frozen(layer):
    """Lets a layer run in inference mode as long as its flag is off.

    Keras does so for batch normalisation alone: dropout in a frozen layer
    drops, and whatever else asks for `training` is told `True`. A layer whose
    `call` has no such argument stays as it is.
    Uses `Layer.__call__` taking `call` from the instance.
    """
    call = layer.call
    is_known = "call" in vars(layer)
    if is_known or "training" not in inspect.signature(call).parameters:
        return

    @functools.wraps(call)
    def call_as_flagged(*args, training=None, **kwargs):
        training = training and layer.trainable
        return call(*args, training=training, **kwargs)

    layer.call = call_as_flagged


def runs_in_inference(layer):
    """Whether `infer_while_frozen` keeps a layer in inference mode now."""
    return "call" in vars(layer) and not layer.trainable


def seed_states(layer):
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
