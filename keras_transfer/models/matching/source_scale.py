"""Brings the source's channels to one scale, as measured on data."""

import keras
import numpy as np
from keras import ops

from keras_transfer.models.matching.taps import in_inference

# Samples that are enough to measure it by.
SCALED_BY = 128

# Share of the mean variance below which no channel is thought to vary: what
# hardly ever moves would be blown up to the size of all else.
_LEAST_VARIANCE = 0.01


def scale_for(tap, loss, name):
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


def are_measured(layers):
    """Whether there is nothing left to measure."""
    scales = [layer for layer in layers if layer is not None]
    return all(ops.convert_to_numpy(s.moving_mean).any() for s in scales)


def measure(model, layers, batches):
    """Sets mean and variance of each channel over samples and positions.

    Args:
        model: gives the source's features from a batch of inputs.
        layers: for each of the features, what `scale_for` returned.
        batches: inputs.
    """
    if all(layer is None for layer in layers):
        return
    moments = [_Moments() for _ in layers]
    for inputs in batches:
        features = in_inference(model, inputs)
        for found, values in zip(moments, features, strict=True):
            found.add(values)
    for layer, found in zip(layers, moments, strict=True):
        if layer is not None:
            least = _LEAST_VARIANCE * found.variance.mean()
            layer.moving_mean.assign(found.mean)
            layer.moving_variance.assign(found.variance + least)


class _Moments:
    """Mean and variance by channel, over any number of batches."""

    def __init__(self):
        self.count, self._sum, self._squares = 0, 0.0, 0.0

    def add(self, features):
        axes = tuple(range(len(features.shape) - 1))
        features = ops.cast(features, "float32")
        mean = ops.mean(features, axes)
        variance = ops.mean(ops.square(features - mean), axes)
        mean, variance = (
            ops.convert_to_numpy(x).astype("float64") for x in (mean, variance)
        )
        count = int(np.prod(features.shape[:-1]))
        self.count += count
        self._sum = self._sum + count * mean
        self._squares = self._squares + count * (variance + mean**2)

    @property
    def mean(self):
        return self._sum / self.count

    @property
    def variance(self):
        return np.maximum(self._squares / self.count - self.mean**2, 0.0)
