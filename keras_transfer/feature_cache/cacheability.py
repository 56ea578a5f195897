"""What would make a cached training differ from an uncached one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras

from keras_transfer import _private
from keras_transfer._private.types import Nested
from keras_transfer.feature_cache import prefix
from keras_transfer.feature_cache.boundary import boundary_at
from keras_transfer.training import random_state

if TYPE_CHECKING:
    from keras_transfer.feature_cache.boundary import Boundary


def reasons_not_to_cache(
    boundary: Boundary, *, views: int = 1, inputs: Nested = None
) -> list[str]:
    """Returns the reasons why a prefix cannot be run once, as sentences.

    Args:
        boundary: a `Boundary`.
        views: how many versions of each sample are kept. With more than one,
            what is random below the cut is drawn that many times.
        inputs: a batch of inputs, on which layers that draw in inference too
            are found; `None` leaves that to `build`.

    Returns:
        A list of sentences, empty if there is nothing in the way.
    """
    found = []
    for layer in _private.leaf_layers(boundary.prefix):
        if layer.trainable_variables:
            found.append(f"layer '{layer.name}' below the boundary trains")
        if layer.activity_regularizer is not None:
            found.append(
                f"layer '{layer.name}' below the boundary has an activity "
                "regularizer"
            )
        draws = _private.draws_random_numbers(layer)
        if views == 1 and draws and not _private.runs_in_inference(layer):
            found.append(
                f"layer '{layer.name}' below the boundary draws random "
                "numbers in each epoch (views=K keeps K versions)"
            )
    if inputs is not None and views == 1 and not found:
        found += _drawing(boundary.prefix, inputs)
    return found


def draws_in_inference(model: keras.Model, inputs: Nested) -> bool:
    """Returns whether the same inputs give other features each time.

    Args:
        model: a `TransferModel`.
        inputs: a batch of inputs. They are run only where there is a layer
            that is not Keras' own and may draw.
    """
    unknown = any(
        _private.draws_random_numbers(layer)
        and not type(layer).__module__.startswith("keras.")
        for layer in _private.leaf_layers(model)
    )
    return unknown and bool(_drawing(boundary_at(model, 0).prefix, inputs))


def _drawing(model: keras.Model, inputs: Nested) -> list[str]:
    # Most models cannot draw: spare them the run.
    if not _private.seed_states(model):
        return []
    generators = random_state.collect()
    try:
        with prefix.seeded_by_number(model):
            prefix.run_without_drawing(model, inputs)
    except prefix.DrawsInInferenceError:
        return ["a layer below the boundary draws in inference too"]
    finally:
        random_state.restore(*generators)
    return []
