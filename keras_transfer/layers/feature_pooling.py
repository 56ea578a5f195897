"""`FeaturePooling`: what every head does before it has anything to learn."""

from typing import Any

import keras
from keras import ops

from keras_transfer._private.types import Shape, Tensor


@keras.saving.register_keras_serializable(package="keras_transfer")
class FeaturePooling(keras.layers.Layer):
    """Features of any rank pooled to one vector a sample.

    Images `(batch, height, width, channels)` over space, sequences
    `(batch, time, features)` over the steps that their mask leaves in;
    vectors `(batch, features)` as they are. The numbers are those that
    `ClassificationHead` and `RegressionHead` start from.

    Args:
        pooling: `"avg"` or `"max"`.
        data_format: `"channels_last"` or `"channels_first"`; `None` means
            `keras.config.image_data_format()`. Images only.
        **kwargs: `name` and `dtype` of `keras.layers.Layer`.

    Returns:
        Tensor `(batch, features)`.
    """

    def __init__(
        self,
        pooling: str = "avg",
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.pooling = pooling
        self.data_format = data_format or keras.config.image_data_format()
        self.supports_masking = True

    def call(self, inputs: Tensor, mask: Tensor | None = None) -> Tensor:
        return pooled(inputs, mask, self.pooling, self.data_format)

    def compute_mask(
        self, inputs: Tensor, previous_mask: Tensor | None
    ) -> None:
        return None

    def compute_output_shape(
        self, input_shape: Shape
    ) -> tuple[int | None, ...]:
        return pooled_shape(input_shape, self.data_format)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "pooling": self.pooling,
            "data_format": self.data_format,
        }


def pooled_shape(
    shape: Shape, data_format: str
) -> tuple[int | None, int | None]:
    """Returns the shape that features of some shape are pooled to."""
    return (shape[0], shape[_channel_axis(len(shape), data_format)])


def _channel_axis(rank: int, data_format: str) -> int:
    channels_first = data_format == "channels_first"
    return 1 if channels_first and rank > 3 else rank - 1


def pooled(
    x: Tensor, mask: Tensor | None, pooling: str, data_format: str
) -> Tensor:
    """Pools features `x` of any rank to `(batch, features)`."""
    rank = len(x.shape)
    if rank == 2:
        return x
    if mask is not None and rank == 3:
        return _masked_pool(x, mask, pooling)
    channels = _channel_axis(rank, data_format)
    axes = [axis for axis in range(1, rank) if axis != channels]
    return _pool_over(x, axes, pooling)


def _pool_over(x: Tensor, axes: list[int], pooling: str) -> Tensor:
    if pooling == "max":
        return ops.max(x, axis=axes)
    # A sum over many positions overflows float16.
    return ops.cast(ops.mean(ops.cast(x, "float32"), axis=axes), x.dtype)


def _masked_pool(x: Tensor, mask: Tensor | None, pooling: str) -> Tensor:
    """Pools `(batch, time, features)` over the steps that `mask` leaves in.

    A sample whose steps are all masked gives zeros.
    """
    kept = ops.expand_dims(ops.cast(mask, "float32"), -1)
    values = ops.cast(x, "float32")
    count = ops.sum(kept, axis=1)
    if pooling == "avg":
        # `where`, not a product: a masked step may hold NaN.
        total = ops.sum(ops.where(kept > 0, values, 0.0), axis=1)
        pooled = total / ops.maximum(count, 1.0)
    else:
        pooled = ops.max(ops.where(kept > 0, values, -float("inf")), axis=1)
        pooled = ops.where(count > 0, pooled, 0.0)
    return ops.cast(pooled, x.dtype)
