"""Rebuilds a model for images of another size or number of channels."""

import copy
import dataclasses

import keras
import numpy as np
from keras import ops
from numpy.typing import ArrayLike

from keras_transfer import _private
from keras_transfer._private.types import Json, Shape
from keras_transfer.backbones.assignment import assign_weights
from keras_transfer.backbones.copying import made_of

# Layers whose arguments may hold one number a channel, and those arguments.
_CHANNEL_ARGUMENTS: dict[str, tuple[str, ...]] = {
    "Normalization": ("mean", "variance"),
    "Rescaling": ("scale", "offset"),
}
_CONVOLUTIONS = (keras.layers.Conv1D, keras.layers.Conv2D, keras.layers.Conv3D)


def adapt_input(model: keras.Model, input_shape: Shape) -> keras.Model:
    """Returns a copy of a model that takes another input shape.

    Use it to feed a backbone images of another resolution, or grey or
    multispectral images. The copy is made from the model's configuration and
    gets its weights; `model` itself is left alone. Where the number of
    channels goes from `n` to `c`, the weights that see the channels change by
    the rule of timm:

    - the kernel of the first convolution is summed over the channels for
      `c = 1`, which is exact for a grey image that was repeated `n` times;
      otherwise channel `i` takes channel `i % n`, times `n / c`, so that the
      size of the output stays;
    - statistics and factors with one number a channel (`Normalization`,
      `Rescaling`, batch norm) are averaged for `c = 1`, otherwise channel `i`
      takes those of channel `i % n`.

    Args:
        model: A functional model, or a built `Sequential`, with one input.
        input_shape: The new shape without the batch axis, such as
            `(160, 160, 3)` or `(None, None, 4)`.

    Returns:
        A new functional model with the same layer names.

    Raises:
        ValueError: If the model has several inputs, or cannot be built or
            filled for that shape.

    Example:

    ```python
    grey = adapt_input(keras.applications.VGG16(include_top=False),
                       (96, 96, 1))
    ```
    """
    source = _as_functional(model)
    old, new = tuple(source.inputs[0].shape[1:]), tuple(input_shape)
    if len(old) != len(new):
        raise ValueError(
            f"Cannot change the input of {model.name!r}. It takes samples of "
            f"shape {old}. Received: input_shape={new}, which has another "
            "number of axes."
        )
    target = _rebuild(source, new)
    _copy_weights(source, target)
    return target


def channel_axis(sample_shape: Shape) -> int:
    """Axis of the channels in the shape of one sample, without batch axis."""
    first = keras.config.image_data_format() == "channels_first"
    return 0 if first and len(sample_shape) > 2 else len(sample_shape) - 1


def adapt_statistics(values: ArrayLike, num_channels: int) -> np.ndarray:
    """One number a channel, for another number of channels.

    Averaged for one channel, otherwise repeated cyclically.

    Args:
        values: Sequence of one number for each old channel.
        num_channels: Number of new channels.

    Returns:
        NumPy array of `num_channels` numbers.
    """
    values = np.asarray(values)
    if num_channels == 1:
        return values.mean(axis=0, keepdims=True)
    return values[np.arange(num_channels) % len(values)]


def adapt_kernel(kernel: np.ndarray, num_channels: int) -> np.ndarray:
    """The kernel of a convolution, for another number of input channels.

    Summed for one channel, otherwise repeated cyclically and scaled by
    old / new.

    Args:
        kernel: Array `(..., old channels, filters)`.
        num_channels: Number of new channels.

    Returns:
        NumPy array `(..., num_channels, filters)`.
    """
    if num_channels == 1:
        return kernel.sum(axis=-2, keepdims=True)
    old = kernel.shape[-2]
    repeated = np.take(kernel, np.arange(num_channels) % old, axis=-2)
    return repeated * (old / num_channels)


def _as_functional(model: keras.Model) -> keras.Model:
    functional = _private.functional_graph(model)
    num_inputs = len(functional.inputs) if functional is not None else 0
    if num_inputs != 1:
        raise ValueError(
            f"Cannot change the input shape of {model.name!r}: only a "
            "functional or a built Sequential model with one input can be "
            f"rebuilt. Received a {type(model).__name__} with {num_inputs} "
            "symbolic inputs. Build it at the wanted shape."
        )
    # Wrapping again gives a plain functional model, with a configuration of
    # the standard form, whatever class `model` is of.
    return keras.Model(functional.input, functional.output, name=model.name)


def _rebuild(source: keras.Model, input_shape: Shape) -> keras.Model:
    old = tuple(source.inputs[0].shape[1:])
    config = copy.deepcopy(keras.saving.serialize_keras_object(source))
    _Change(old, tuple(input_shape), channel_axis(old)).apply(config)
    try:
        return made_of(config, source)
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"Cannot rebuild {source.name!r} for input_shape={input_shape}. "
            f"It was built for {old}, and a layer does not take the new "
            f"shape: {error}"
        ) from error


@dataclasses.dataclass(frozen=True)
class _Change:
    """A change of sample shape, carried into a nested configuration."""

    old: tuple
    new: tuple
    axis: int

    def apply(self, node: Json) -> None:
        """Changes `node` and all that it holds, in place."""
        if isinstance(node, dict):
            # Else layers would be built for the old shape before the call.
            node.pop("build_config", None)
            self._apply_to_layer(node.get("class_name"), node.get("config"))
        if isinstance(node, dict | list | tuple):
            for value in node.values() if isinstance(node, dict) else node:
                self.apply(value)

    def _apply_to_layer(self, class_name: str | None, config: Json) -> None:
        if class_name == "InputLayer":
            shape = config.pop("shape", None) or config["batch_shape"][1:]
            config["batch_shape"] = (None, *self._changed(tuple(shape)))
        elif class_name == "Sequential":
            # A nested one takes its input shape from the call.
            config.pop("build_input_shape", None)
            config["layers"] = [
                layer
                for layer in config["layers"]
                if layer["class_name"] != "InputLayer"
            ]
        for name in _CHANNEL_ARGUMENTS.get(class_name or "", ()):
            values = _plain(config.get(name))
            if np.shape(values) == (self.old[self.axis],):
                values = adapt_statistics(values, self.new[self.axis])
                config[name] = values.tolist()

    def _changed(self, shape: Shape) -> tuple[int | None, ...]:
        if shape == self.old:
            return self.new
        # The input of a nested model further up, whose size follows from ours.
        axis = channel_axis(shape)
        return tuple(n if i == axis else None for i, n in enumerate(shape))


def _plain(value: Json) -> Json:
    """The numbers in an argument that may be a serialised array."""
    if isinstance(value, dict):
        return value.get("config", {}).get("value")
    return value


def _copy_weights(source: keras.Model, target: keras.Model) -> None:
    pairs = zip(
        _private.leaf_layers(source),
        _private.leaf_layers(target),
        strict=True,
    )
    for old, new in pairs:
        values = [
            _adapted(new, variable, ops.convert_to_numpy(value))
            for variable, value in zip(new.weights, old.weights, strict=True)
        ]
        assign_weights(new.weights, values, [new])


def _adapted(
    layer: keras.layers.Layer, variable: keras.Variable, value: np.ndarray
) -> np.ndarray:
    shape = tuple(variable.shape)
    if shape == value.shape:
        return value
    if value.ndim == 1 and len(shape) == 1:
        return adapt_statistics(value, shape[0])
    if isinstance(layer, _CONVOLUTIONS) and variable.name == "kernel":
        return adapt_kernel(value, shape[-2])
    raise ValueError(
        f"Cannot adapt {variable.path!r} of a {type(layer).__name__} from "
        f"shape {value.shape} to {shape}. Channels are adapted in ordinary "
        "convolutions and per-channel statistics only. Convert the images to "
        "the number of channels that the model was built for."
    )
