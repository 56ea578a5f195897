"""Builds models of `keras.applications` and fills them from weight files."""

import inspect
import math
import os
import warnings
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_transfer._private.types import Nested, PathLike, Shape
from keras_transfer.backbones.applications import Application
from keras_transfer.backbones.assignment import assign_weights
from keras_transfer.backbones.channels import adapt_input, channel_axis
from keras_transfer.backbones.source_files import (
    check_weight_file,
    load_weights,
)

# The published EfficientNet B0..B7 were trained on (x - mean) / variance, while
# their Normalization divides by the standard deviation only. Keras makes up for
# it with a Rescaling, but for `weights="imagenet"` alone.
_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_DEVIATION = (0.229, 0.224, 0.225)

# How the files of the mobile nets begin; those of the others begin with the
# name of the model.
_FILE_NAMES = {
    "MobileNet": "mobilenet_1_0_{size}_*",
    "MobileNetV2": "mobilenet_v2_weights_*_1.0_{size}_*",
    "MobileNetV3Small": "weights_mobilenet_v3_small_224_1.0_*",
    "MobileNetV3Large": "weights_mobilenet_v3_large_224_1.0_*",
}
# Sides in pixels of the images that have a file of their own; images of any
# other size take the file of 224.
_SIZES = {
    "MobileNet": (128, 160, 192, 224),
    "MobileNetV2": (96, 128, 160, 192, 224),
}


def build_application(
    application: Application,
    input_shape: Shape | None = None,
    weights: PathLike | None = "imagenet",
) -> keras.Model:
    """Builds a model without top that takes 0..255 where it normalises inside.

    Args:
        application: A row of `applications.APPLICATIONS`.
        input_shape: Shape of one image; `None` means the size the published
            weights were trained at, with three channels. For another number
            of channels the three-channel model is adapted.
        weights: `"imagenet"`, a path to a weight file, or `None`.

    Returns:
        A functional model from images to a feature map.

    Raises:
        ValueError: If the image is too small, or the weights do not fit.
        FileNotFoundError: If the weights cannot be had.
    """
    shape = application.full_input_shape(input_shape)
    application.check_input_shape(shape)
    axis = channel_axis(shape)
    rgb_shape = shape[:axis] + (3,) + shape[axis + 1 :]
    if weights is None or weights == "imagenet":
        model = _construct(application, rgb_shape, weights)
    else:
        check_weight_file(weights)
        model = _construct(application, rgb_shape, None)
        load_weights(model, weights, application.name)
        if _needs_rescaling(model):
            model = _with_rescaling(model)
    return model if shape == rgb_shape else adapt_input(model, shape)


def weight_folder() -> Path:
    """Where Keras keeps the weight files that it has downloaded."""
    home = os.environ.get("KERAS_HOME", Path("~", ".keras").expanduser())
    return Path(home, "models")


def weights_are_there(application: Application, size: int = 224) -> bool:
    """Whether the ImageNet weights without top lie in the Keras cache.

    Args:
        application: A row of `applications.APPLICATIONS`.
        size: Side of the images in pixels, where each has a file of its own.
    """
    key = application.default_name.rstrip("_").lower()
    key = _FILE_NAMES.get(application.name, f"{key}[_-]*").format(size=size)
    return any(weight_folder().glob(f"{key}no*top*.h5"))


def sizes_there(application: Application) -> list[int]:
    """The sides in pixels whose own weight files lie in the Keras cache."""
    sizes = _SIZES.get(application.name, ())
    return [size for size in sizes if weights_are_there(application, size)]


def _construct(
    application: Application, input_shape: Shape, weights: str | None
) -> keras.Model:
    constructor = application.constructor
    options = {"include_top": False, "input_shape": input_shape}
    if "include_preprocessing" in inspect.signature(constructor).parameters:
        options["include_preprocessing"] = True
    try:
        return constructor(weights=weights, **options)
    except Exception as error:
        # Keras raises a bare Exception when a download fails.
        if weights is None or not _is_file_trouble(error):
            raise
        folder = weight_folder()
        raise FileNotFoundError(
            f"The ImageNet weights of {application.name} could not be had. "
            f"They are not in {str(folder)!r} (the folder `models` below "
            "KERAS_HOME, or below ~/.keras), or are damaged there, and the "
            f"download failed: {error}\n"
            "Put the file there, set KERAS_HOME to a folder that has it, pass "
            "`weights=` its path, or train from scratch with `weights=None`."
        ) from error


def _is_file_trouble(error: Exception) -> bool:
    return isinstance(error, OSError) or "URL fetch failure" in str(error)


def _needs_rescaling(model: keras.Model) -> bool:
    """Whether a model holds the ImageNet weights of EfficientNet B0..B7.

    Told by what was loaded: the mean that its Normalization got, which is
    zero in a model that was trained without them.
    """
    names = [layer.__class__.__name__ for layer in model.layers[:4]]
    if names[1:3] != ["Rescaling", "Normalization"]:
        return False
    mean = model.layers[2].weights[:1]
    return bool(mean) and np.allclose(
        ops.convert_to_numpy(mean[0]), _IMAGENET_MEAN, atol=1e-3
    )


def _with_rescaling(model: keras.Model) -> keras.Model:
    """A copy with the division that `weights="imagenet"` puts in."""
    scale = [1.0 / math.sqrt(value) for value in _IMAGENET_DEVIATION]

    def call(layer: keras.layers.Layer, *args: Any, **kwargs: Any) -> Nested:
        outputs = layer(*args, **kwargs)
        if isinstance(layer, keras.layers.Normalization):
            return keras.layers.Rescaling(scale)(outputs)
        return outputs

    # Keras warns that `call_function` needs a functional model; this is one.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        copy = keras.models.clone_model(model, call_function=call)
    assign_weights(copy.weights, model.get_weights(), copy.layers)
    return copy
