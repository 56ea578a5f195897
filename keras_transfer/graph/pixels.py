"""What range of inputs a model scales: pixels in 0..255, or anything else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras
import numpy as np
from numpy.typing import ArrayLike

from keras_transfer.graph import operations, trace
from keras_transfer.layers import ImageNetPreprocessing, TrainingOnly

if TYPE_CHECKING:
    from keras_transfer.graph.trace import Step, Value

# What stands before the scaling of an image and changes no value outside of
# training.
_BEFORE_SCALING = (
    TrainingOnly,
    keras.layers.Identity,
    keras.layers.Resizing,
    keras.layers.CenterCrop,
    keras.layers.Cropping2D,
    keras.layers.ZeroPadding2D,
)


def scales_pixels(model: keras.Model) -> list[bool | None]:
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


def _answer(value: Value, readers: dict[Value, Step]) -> bool | None:
    while value in readers:
        step = readers[value]
        if _comes_before(step.operation):
            value = step.outputs[0]
            continue
        return _answer_of(step)
    return None


def _answer_of(step: Step) -> bool | None:
    """What the first operation that changes values says."""
    operation = step.operation
    if isinstance(operation, ImageNetPreprocessing):
        return True
    if isinstance(operation, keras.layers.Rescaling):
        return _fits_pixels(operation.scale, operation.offset)
    if isinstance(operation, keras.layers.Normalization):
        return _is_of_pixels(operation)
    factor = _factor(step)
    return None if factor is None else _fits_pixels(factor, 0.0)


def _factor(step: Step) -> float | None:
    """The number that an operation such as `x / 255` multiplies by."""
    name, numbers = operations.type_name(step.operation), step.args[1:]
    if len(numbers) != 1 or not isinstance(numbers[0], int | float):
        return None
    if name in ("divide", "truedivide") and numbers[0]:
        return 1 / numbers[0]
    return numbers[0] if name == "multiply" else None


def _comes_before(operation: keras.Operation) -> bool:
    """Whether an operation leaves the values of an image as they are."""
    if isinstance(operation, ImageNetPreprocessing):
        return operation.mode == "none"
    name = operations.type_name(operation)
    return (
        isinstance(operation, _BEFORE_SCALING)
        or operations.is_reshape(operation)
        or name == "cast"
        or name.startswith("random")
    )


def _fits_pixels(scale: ArrayLike, offset: ArrayLike) -> bool:
    """Whether `scale * x + offset` brings 0..255 to a range around 1 or 0."""
    scale, offset = np.asarray(scale, float), np.asarray(offset, float)
    low, high = offset, 255 * scale + offset
    spread = np.abs(high - low)
    is_centred = np.abs(low + high) < 0.5 * spread
    is_small = (spread >= 0.5) & (spread <= 128)
    return bool(np.all(is_small | (is_centred & (spread >= 0.5))))


def _is_of_pixels(layer: keras.layers.Normalization) -> bool | None:
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
