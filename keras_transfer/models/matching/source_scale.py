"""Brings the source's channels to one scale, as measured on data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import keras
import numpy as np
from keras import ops

from keras_transfer._private.types import Tensor
from keras_transfer.models.matching.taps import in_inference

if TYPE_CHECKING:
    from keras_transfer.losses.feature_matching import FeatureMatchingLoss
    from keras_transfer.models.matching.taps import Tap

# Samples that are enough to measure it by.
SCALED_BY = 128

# Share of the mean variance below which no channel is thought to vary: what
# hardly ever moves would be blown up to the size of all else.
_LEAST_VARIANCE = 0.01


def scale_for(
    tap: Tap, loss: FeatureMatchingLoss, name: str
) -> keras.layers.BatchNormalization | None:
    """Returns a layer `(x - mean) / deviation` by channel, or `None`.

    Only for losses that compare feature by feature: for them, what all
    samples have in common is most of the difference until it is taken out.
    It begins as the identity; `measure` sets it.

    Args:
        tap: the source's `Tap`.
        loss: the `FeatureMatchingLoss`.
        name: name of the layer.
    """
    if not loss.normalize or loss.agree != "shape" or loss.on_logits:
        return None
    # In inference mode batch normalisation is just that.
    layer = keras.layers.BatchNormalization(
        center=False, scale=False, epsilon=1e-12, trainable=False,
        dtype="float32", name=name,
    )  # fmt: skip
    layer.build((None, *tap.shape))
    return layer


def are_measured(layers: Iterable[keras.layers.Layer | None]) -> bool:
    """Whether there is nothing left to measure."""
    scales = [layer for layer in layers if layer is not None]
    return all(ops.convert_to_numpy(s.moving_mean).any() for s in scales)


def measure(
    model: keras.Model,
    layers: Sequence[keras.layers.Layer | None],
    batches: Iterable,
) -> None:
    """Sets mean and variance of each channel over samples and positions.

    Args:
        model: gives the source's features from a batch of inputs.
        layers: for each of the features, what `scale_for` returned.
        batches: inputs.
    """
    if all(layer is None for layer in layers):
        return
    sums = [0.0] * len(layers)
    for inputs in batches:
        features = in_inference(model, inputs)
        sums = [a + _sums(b) for a, b in zip(sums, features, strict=True)]
    for layer, (count, total, squares) in zip(layers, sums, strict=True):
        if layer is not None:
            mean = total / count
            variance = np.maximum(squares / count - mean**2, 0.0)
            least = _LEAST_VARIANCE * variance.mean()
            layer.moving_mean.assign(mean)
            layer.moving_variance.assign(variance + least)


def _sums(features: Tensor) -> np.ndarray:
    """The number of values, their sum and that of their squares, by channel."""
    axes = tuple(range(len(features.shape) - 1))
    features = ops.cast(features, "float32")
    mean = ops.mean(features, axes)
    variance = ops.mean(ops.square(features - mean), axes)
    mean, variance = (
        ops.convert_to_numpy(x).astype("float64") for x in (mean, variance)
    )
    count = np.full_like(mean, np.prod(features.shape[:-1]))
    return np.stack([count, count * mean, count * (variance + mean**2)])
