"""Images for a KerasHub backbone: their shape and their scaling."""

from collections.abc import Sequence

import keras

from keras_transfer import _private
from keras_transfer._private.types import Shape
from keras_transfer.backbones.assignment import assign_weights
from keras_transfer.backbones.channels import adapt_statistics, channel_axis
from keras_transfer.backbones.hub.presets import keras_hub
from keras_transfer.storage.printing import note


def at_image_shape(
    backbone: keras.Model,
    converter: keras.layers.Layer | None = None,
    input_shape: Shape | None = None,
) -> keras.Model:
    """A KerasHub image backbone, built for images of one shape.

    Args:
        backbone: A KerasHub backbone, of images or not.
        converter: Its `ImageConverter`, which knows the size that the weights
            were trained at, or `None`.
        input_shape: The wanted shape of one image. `None` means the
            backbone's own, or the converter's where that leaves it open.

    Returns:
        `backbone` itself if it has that shape (or is left to the general way,
        for another number of channels); otherwise a copy.

    Raises:
        ValueError: If weights depend on the size of the image.
    """
    config = backbone.get_config()
    if config.get("image_shape") is None:
        return backbone
    own = tuple(config["image_shape"])
    wanted = tuple(input_shape or _trained_shape(own, converter))
    axis = channel_axis(own)
    if wanted == own or len(wanted) != 3 or wanted[axis] != own[axis]:
        return backbone
    config["image_shape"] = wanted
    copy = type(backbone).from_config(config)
    for old, new in zip(backbone.weights, copy.weights, strict=True):
        if tuple(old.shape) != tuple(new.shape):
            raise ValueError(
                f"{backbone.name!r}, a {type(backbone).__name__}, was built "
                f"for images of {own} and cannot take {wanted}: the weights "
                f"{old.path!r} depend on the size. Resize the images to it."
            )
    leaves = _private.leaf_layers(copy)
    assign_weights(copy.weights, backbone.get_weights(), leaves)
    return copy


def image_preprocessing(
    backbone: keras.Model,
    converter: keras.layers.Layer | None,
    num_channels: int,
) -> str | keras.layers.Layer:
    """The scaling of an image converter as a plain layer.

    Resizing and cropping are left out: a model takes images of one shape.

    Args:
        backbone: The backbone that it is for.
        converter: An `ImageConverter`, or `None`.
        num_channels: Number of channels of the images.

    Returns:
        A layer, or `"none"` where nothing is to be done.

    Raises:
        ValueError: If the converter does more than resize and scale.
    """
    if converter is None:
        note(
            f"backbone: {backbone.name!r} comes without an image converter, so "
            "its images are not scaled; `preprocessing=` can do it"
        )
        return "none"
    if type(converter).call is not keras_hub().layers.ImageConverter.call:
        raise ValueError(
            f"The preprocessing of {backbone.name!r}, "
            f"{type(converter).__name__}, does more than scale images. Give "
            "`preprocessing=`, a layer from raw images to its input."
        )
    if converter.scale is None and converter.offset is None:
        return "none"
    scale = 1.0 if converter.scale is None else converter.scale
    offset = 0.0 if converter.offset is None else converter.offset
    # In half precision 0..255 would be rounded before it is scaled.
    return keras.layers.Rescaling(
        _for_channels(scale, num_channels),
        _for_channels(offset, num_channels),
        dtype="float32",
        name="preprocessing",
    )


def _trained_shape(
    shape: tuple[int | None, ...], converter: keras.layers.Layer | None
) -> tuple[int | None, ...]:
    size = getattr(converter, "image_size", None)
    if size is None or None not in shape:
        return shape
    axis = channel_axis(shape)
    return tuple(size[:axis]) + (shape[axis],) + tuple(size[axis:])


def _for_channels(
    values: float | Sequence[float], num_channels: int
) -> float | Sequence[float]:
    if isinstance(values, (int, float)) or len(values) == num_channels:
        return values
    return adapt_statistics(values, num_channels).tolist()
