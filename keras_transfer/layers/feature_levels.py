"""Features of several depths as one vector a sample, for a linear head."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_transfer._private.types import Shape, Tensor
from keras_transfer.layers.feature_pooling import (
    FeaturePooling,
    pooled,
    pooled_shape,
)

# The root is steep near 0: below this it goes over into a straight line, so
# that a feature of 0 has a finite slope.
_SMOOTH = 1e-4
_TINY = 1e-12


@keras.saving.register_keras_serializable(package="keras_transfer")
class LevelPooling(FeaturePooling):
    """Pools an inner level on its way to the head.

    What it returns may pass beside the cuts of a model: it is read by the head
    alone.
    """


@keras.saving.register_keras_serializable(package="keras_transfer")
class FeatureLevels(FeaturePooling):
    """Joins features of several depths to one vector a sample.

    Each level is pooled to a vector x, and becomes s * r / |r| with

        r = x / sqrt(|x| + 1e-4)

    the signed square root, smooth at 0, and s the square root of the width of
    the first level, so that the features of that level are 1 in the mean
    square. All-zero levels stay zero. Computes in float32.

    Args:
        pooling: `"avg"` or `"max"`.
        data_format: `"channels_last"` or `"channels_first"`; `None` means
            `keras.config.image_data_format()`. Images only.
        **kwargs: `name` and `dtype` of `keras.layers.Layer`.

    Returns:
        Tensor `(batch, features)` for a list of tensors `(batch, height,
        width, channels)`, `(batch, time, features)` or `(batch, features)`:
        their vectors in the order of the list.

    Example:

    ```python
    joined = FeatureLevels()([last, middle])  # (8, 1280), (8, 96) -> (8, 1376)
    ```

    Reference:
        Perronnin et al. 2010, Improving the Fisher Kernel for Large-Scale
        Image Classification (square root and length); Evci et al. 2022,
        Head2Toe (heads over all depths).
    """

    def call(
        self,
        inputs: Sequence[Tensor],
        mask: Sequence[Tensor | None] | None = None,
    ) -> Tensor:
        masks = [None] * len(inputs) if mask is None else mask
        levels = [
            pooled(x, one, self.pooling, self.data_format)
            for x, one in zip(inputs, masks, strict=True)
        ]
        length = levels[0].shape[-1] ** 0.5
        joined = ops.concatenate([_normalized(x) for x in levels], axis=-1)
        return ops.cast(length * joined, self.compute_dtype)

    def compute_output_shape(  # type: ignore[override]
        self, input_shape: Sequence[Shape]
    ) -> tuple[int | None, ...]:
        widths = [
            pooled_shape(shape, self.data_format)[1] for shape in input_shape
        ]
        # `build` of the head says it where one is not known.
        width = None if None in widths else sum(filter(None, widths))
        return (input_shape[0][0], width)


@keras.saving.register_keras_serializable(package="keras_transfer")
class FeatureScaling(keras.layers.Layer):
    """Centres features and weighs them: `(x - centre) * scale`.

    All is set, not trained: the centre once, to the mean of the training
    features, so that a head has less to learn.

    Args:
        factors: pairs `(width, factor)`: so many features have that scale at
            first, from the first feature on.
        **kwargs: `name` and `dtype` of `keras.layers.Layer`.

    Attributes:
        centre: non-trainable `(features,)`, 0 until it is set.
        spread: non-trainable `(features,)`, the standard deviation of the
            training features, 1 until it is set; for `adapt`.
        scale: non-trainable `(features,)`.

    Returns:
        Tensor `(batch, features)` for one of that shape.
    """

    def __init__(self, factors: Sequence[tuple[int, float]], **kwargs: Any):
        super().__init__(**kwargs)
        self.factors = [(int(width), float(each)) for width, each in factors]

    def build(self, input_shape: Shape) -> None:
        size = sum(width for width, _ in self.factors)
        if input_shape[-1] != size:
            raise ValueError(
                "FeatureScaling needs one factor a feature. Received: "
                f"features of shape {tuple(input_shape)}, and factors for "
                f"{size} of them."
            )
        initial = ops.concatenate(
            [ops.full((width,), each) for width, each in self.factors]
        )
        self.centre = self.add_weight(
            shape=(size,), initializer="zeros", trainable=False, name="centre"
        )
        self.spread = self.add_weight(
            shape=(size,), initializer="ones", trainable=False, name="spread"
        )
        self.scale = self.add_weight(
            shape=(size,),
            initializer=lambda shape, dtype=None: ops.cast(initial, dtype),
            trainable=False,
            name="scale",
        )

    def learn_from(self, features: np.ndarray) -> None:
        """Takes centre and spread from training features, once.

        Args:
            features: `(samples, features)`.
        """
        if not self.is_centred:
            self.centre.assign(features.mean(axis=0))
            self.spread.assign(features.std(axis=0))

    @property
    def is_centred(self) -> bool:
        """Whether the centre has been set."""
        return bool(ops.any(self.centre != 0))

    def call(self, inputs: Tensor) -> Tensor:
        centre = ops.cast(self.centre, inputs.dtype)
        return (inputs - centre) * ops.cast(self.scale, inputs.dtype)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"factors": self.factors}


def _normalized(x: Tensor) -> Tensor:
    """The signed square root of vectors, of length 1, in float32."""
    x = ops.cast(x, "float32")
    root = x / ops.sqrt(ops.abs(x) + _SMOOTH)
    square = ops.sum(root * root, axis=-1, keepdims=True)
    return root / ops.sqrt(ops.maximum(square, _TINY))
