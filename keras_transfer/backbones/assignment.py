"""Writes arrays into weights so that the next call computes with them."""

from collections.abc import Iterable

import keras
import numpy as np


def assign_weights(
    weights: Iterable[keras.Variable],
    arrays: Iterable[np.ndarray],
    layers: Iterable[keras.layers.Layer] = (),
) -> None:
    """Assigns arrays to weights, and renews what was computed from them.

    `Normalization` computes with constants that it makes from its weights
    when they are loaded from a file, not when they are assigned.

    Args:
        weights: Variables.
        arrays: One array of the same shape for each.
        layers: The layers that the variables belong to.
    """
    for weight, array in zip(weights, arrays, strict=True):
        weight.assign(array)
    for layer in layers:
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()
