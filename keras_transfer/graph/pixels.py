"""What range of inputs a model scales: pixels in 0..255, or anything else."""

import keras
import numpy as np

from keras_transfer.graph import operations, trace
from keras_transfer.layers import ImageNetPreprocessing, TrainingOnly

# What stands before the scaling of an image and changes no value in training
# that inference would see.
_BEFORE_SCALING = (
    TrainingOnly,
    keras.layers.Identity,
    keras.layers.Resizing,
    keras.layers.CenterCrop,
    keras.layers.Cropping2D,
    keras.layers.ZeroPadding2D,
)


def scales_pixels(model):
    """Tells by its first operations whether a model takes pixels in 0..255.

    Args:
        model: a functional or Sequential model.

    Returns:
        A list with an answer for each input: `True` or `False` by the layer
        that scales it, `None` where none does.
    """
    flat = trace.read(model)
    readers = {}
    for step in flat.steps:
        for value in step.inputs:
            readers.setdefault(value, step)
    return [
        _answer(value, readers) for value in keras.tree.flatten(flat.inputs)
    ]


def _answer(value, readers):
    while value in readers:
        operation = readers[value].operation
        if isinstance(operation, ImageNetPreprocessing):
            if operation.mode != "none":
                return True
        elif isinstance(operation, keras.layers.Rescaling):
            return _fits_pixels(operation.scale, operation.offset)
        elif isinstance(operation, keras.layers.Normalization):
            return _is_of_pixels(operation)
        elif not _comes_before(operation):
            return None
        value = readers[value].outputs[0]
    return None


def _comes_before(operation):
    name = operations.type_name(operation)
    return isinstance(operation, _BEFORE_SCALING) or name == "cast"


def _fits_pixels(scale, offset):
    """Whether `scale * x + offset` brings 0..255 to a range around 1 or 0."""
    scale, offset = np.asarray(scale, float), np.asarray(offset, float)
    low, high = offset, 255 * scale + offset
    spread = np.abs(high - low)
    is_centred = np.abs(low + high) < 0.5 * spread
    is_small = (spread >= 0.5) & (spread <= 128)
    return bool(np.all(is_small | (is_centred & (spread >= 0.5))))


def _is_of_pixels(layer):
    """Whether a `Normalization` has the statistics of 0..255."""
    if layer.mean is None:
        return None
    mean, variance = (
        np.asarray(keras.ops.convert_to_numpy(x), float)
        for x in (layer.mean, layer.variance)
    )
    deviation = np.sqrt(variance)
    fits = (mean > 2) & (mean < 253) & (deviation > 2) & (deviation < 128)
    return bool(np.all(fits))
