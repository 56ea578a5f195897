"""The preprocessing that ImageNet models were trained with, as a layer."""

import difflib
from collections.abc import Sized
from typing import Any

import keras
from keras import ops

from keras_transfer._private.types import Shape, Tensor

MODES = ("tf", "caffe", "torch", "none")

# What Keras does, in its order, so that the result is the same to the last bit:
# (pixel / divisor - mean) / deviation, the last two per RGB channel.
_DIVISOR = {"tf": 127.5, "caffe": 1.0, "torch": 255.0}
_RGB_STATISTICS = {
    "tf": ((1.0, 1.0, 1.0), (1.0, 1.0, 1.0)),
    "caffe": ((123.68, 116.779, 103.939), (1.0, 1.0, 1.0)),
    "torch": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
}


@keras.saving.register_keras_serializable(package="keras_transfer")
class ImageNetPreprocessing(keras.layers.Layer):
    """Turns pixels in 0..255 into what an ImageNet model was trained on.

    Use it in front of a model of `keras.applications` whose own module has a
    `preprocess_input`; models that normalise inside take mode `"none"`. It has
    no weights, so it belongs inside the model that is saved and served.

    With `x` a pixel in 0..255 the layer computes, per channel:

    - `"tf"`: `x / 127.5 - 1`
    - `"caffe"`: RGB to BGR, then `x - (103.939, 116.779, 123.68)`
    - `"torch"`: `(x / 255 - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)`
    - `"none"`: `x`

    Images need not have three channels. One channel takes the average of the
    three statistics; otherwise channel `i` takes those of channel `i % 3`, and
    `"caffe"` reverses the first three channels only (fewer stay as they are).
    The arithmetic is in float32 whatever the dtype policy; the result has the
    policy's compute dtype.

    Args:
        mode: One of `"tf"`, `"caffe"`, `"torch"`, `"none"`.
        data_format: `"channels_last"` for `(batch, height, width, channels)`
            or `"channels_first"` for `(batch, channels, height, width)`.
            `None` means `keras.config.image_data_format()`.
        **kwargs: `name`, `dtype` and `trainable` of `keras.layers.Layer`.

    Returns:
        A tensor of the shape of the input.

    Raises:
        ValueError: For an unknown mode, or an unknown number of channels.

    Example:

    ```python
    images = numpy.random.uniform(0, 255, (8, 224, 224, 3))
    features = keras.applications.ResNet50(include_top=False)(
        ImageNetPreprocessing("caffe")(images)
    )
    ```
    """

    def __init__(
        self, mode: str, data_format: str | None = None, **kwargs: Any
    ):
        # Keras would cast 0..255 to half precision before `call` sees it.
        super().__init__(autocast=False, **kwargs)
        if mode not in MODES:
            raise ValueError(_unknown_mode(mode))
        self.mode = mode
        self.data_format = data_format or keras.config.image_data_format()
        self.supports_masking = True

    def build(self, input_shape: Shape) -> None:
        axis = self._channel_axis(input_shape)
        if self.mode != "none" and input_shape[axis] is None:
            raise ValueError(
                f"ImageNetPreprocessing({self.mode!r}) needs a known number "
                f"of channels on axis {axis}. Received an input of shape "
                f"{tuple(input_shape)}. Give the Input a shape such as "
                "(None, None, 3)."
            )

    def call(self, inputs: Tensor) -> Tensor:
        x = ops.cast(inputs, "float32")
        if self.mode != "none":
            x = self._normalize(x)
        return ops.cast(x, self.compute_dtype)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        return config | {"mode": self.mode, "data_format": self.data_format}

    def _channel_axis(self, shape: Sized) -> int:
        return 1 if self.data_format == "channels_first" else len(shape) - 1

    def _normalize(self, x: Tensor) -> Tensor:
        axis = self._channel_axis(x.shape)
        num_channels = x.shape[axis]
        if self.mode == "caffe":
            x = _reverse_first_three(x, axis)
        shape = [1] * len(x.shape)
        shape[axis] = num_channels
        mean, deviation = (
            ops.reshape(ops.convert_to_tensor(values, "float32"), shape)
            for values in channel_statistics(self.mode, num_channels)
        )
        x = x / _DIVISOR[self.mode] - mean
        return x / deviation if self.mode == "torch" else x


def channel_statistics(
    mode: str, num_channels: int
) -> tuple[list[float], list[float]]:
    """Per-channel `(mean, deviation)` of a mode, in the order of its channels.

    Args:
        mode: `"tf"`, `"caffe"` or `"torch"`.
        num_channels: How many channels the image has: one takes the average,
            otherwise they repeat cyclically.

    Returns:
        Two lists of `num_channels` floats, in the unit of the mode: 127.5
        pixel values for `"tf"`, one for `"caffe"`, 255 for `"torch"`.
    """
    mean, deviation = (
        _of_channels(values[::-1] if mode == "caffe" else values, num_channels)
        for values in _RGB_STATISTICS[mode]
    )
    return mean, deviation


def _of_channels(values: tuple[float, ...], num_channels: int) -> list[float]:
    if num_channels == 1:
        return [sum(values) / 3]
    return [values[i % 3] for i in range(num_channels)]


def _reverse_first_three(x: Tensor, axis: int) -> Tensor:
    num_channels = x.shape[axis]
    if num_channels < 3:
        return x
    if num_channels == 3:
        return ops.flip(x, axis=axis)
    first, rest = ops.split(x, [3], axis=axis)
    return ops.concatenate([ops.flip(first, axis=axis), rest], axis=axis)


def _unknown_mode(mode: str) -> str:
    nearest = difflib.get_close_matches(str(mode).lower(), MODES, n=1)
    hint = f" Did you mean {nearest[0]!r}?" if nearest else ""
    return (
        "Unknown preprocessing mode. "
        f"Received: mode={mode!r}. Expected one of {MODES}.{hint}"
    )
