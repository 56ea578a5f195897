"""Private names of layers and models."""

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
