"""What a `TransferModel` is put together from."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from keras_transfer import _private, layers
from keras_transfer._private.types import Nested, Shape
from keras_transfer.layers.augmentation import check_strength
from keras_transfer.storage.printing import note
from keras_transfer.training import freezing

if TYPE_CHECKING:
    from keras_transfer.backbones.resolving import ResolvedBackbone
    from keras_transfer.graph.block import Block
    from keras_transfer.layers.training_only import TrainingOnly
    from keras_transfer.models.transfer.transfer_model import TransferModel
    from keras_transfer.training.freezing import FreezeState

# The names that Keras gives to inputs by itself.
_AUTOMATIC_NAME = re.compile(r"(input|input_layer|keras_tensor|images)(_\d+)?")


def head_layer(head: int | keras.layers.Layer) -> keras.layers.Layer:
    """Returns the head as a layer; a number means that many classes."""
    if isinstance(head, keras.layers.Layer):
        return head
    if isinstance(head, (int, np.integer)) and not isinstance(head, bool):
        return layers.ClassificationHead(int(head), name="head")
    raise ValueError(
        "The head of a TransferModel is a number of classes or a layer. "
        f"Received: head={head!r} (of type {type(head).__name__}). Examples: "
        "head=5, head=ClassificationHead(5, dropout=0.2), "
        "head=RegressionHead(1)."
    )


def preprocessing_layer(
    preprocessing: str | keras.layers.Layer | None, source: ResolvedBackbone
) -> keras.layers.Layer:
    """Returns the layer that turns raw input into what the backbone wants."""
    if isinstance(preprocessing, str) and preprocessing == "auto":
        preprocessing = source.preprocessing
    if isinstance(preprocessing, keras.layers.Layer):
        return preprocessing
    if preprocessing in (None, "none"):
        return keras.layers.Identity(name="preprocessing")
    return layers.ImageNetPreprocessing(preprocessing, name="preprocessing")


def inputs_like(model: keras.Model) -> Nested:
    """Returns inputs for what a model takes, of any batch size.

    They have the names that the model's have; a single image whose name is
    Keras' own is called "images".
    """
    tensors = keras.tree.flatten(model.input)
    return keras.tree.map_structure(
        lambda tensor: _input_like(tensor, is_only=len(tensors) == 1),
        model.input,
    )


def _input_like(tensor: keras.KerasTensor, is_only: bool) -> keras.KerasTensor:
    # Floats in, whatever the images are: an input of type uint8 would turn
    # 0.9 into 0, NaN into 0 and wrap 300 round, without a word.
    is_image = _is_image(tensor)
    is_named = not _AUTOMATIC_NAME.fullmatch(tensor.name)
    return keras.Input(
        batch_shape=(None, *tensor.shape[1:]),
        dtype="float32" if is_image else tensor.dtype,
        name="images" if is_image and is_only and not is_named else tensor.name,
    )


def _is_image(tensor: keras.KerasTensor) -> bool:
    return len(tensor.shape) == 4


def applied(layer: keras.layers.Layer, inputs: Nested, what: str) -> Nested:
    """Returns what a layer makes of the inputs of a model.

    Of several inputs, a layer of Keras or of this package gets each image on
    its own; any other layer gets all of them, nested as they are.

    Args:
        layer: the preprocessing or the augmentation.
        inputs: symbolic inputs.
        what: how the user calls it, for messages.

    Raises:
        ValueError: there is no image among them, or the layer does not take
            them.
    """
    if not keras.tree.is_nested(inputs):
        return layer(inputs)
    if isinstance(layer, keras.layers.Identity):
        return inputs
    if not _is_known(layer):
        return _applied_to_all(layer, inputs, what)
    if not any(map(_is_image, keras.tree.flatten(inputs))):
        shapes = [tensor.shape for tensor in keras.tree.flatten(inputs)]
        raise ValueError(
            f"`{what}` of several inputs is applied to images. Received: "
            f"{type(layer).__name__} for inputs of shapes {shapes}, none of "
            "them an image. Put it into the source, or pass a layer of your "
            "own that takes all inputs and returns them."
        )
    return keras.tree.map_structure(
        lambda tensor: layer(tensor) if _is_image(tensor) else tensor, inputs
    )


def _is_known(layer: keras.layers.Layer) -> bool:
    if isinstance(layer, layers.TrainingOnly):
        layer = layer.layer
    return type(layer).__module__.split(".")[0] in ("keras", "keras_transfer")


def _applied_to_all(
    layer: keras.layers.Layer, inputs: Nested, what: str
) -> Nested:
    try:
        outputs = layer(inputs)
        keras.tree.assert_same_structure(inputs, outputs)
    except Exception as error:
        raise ValueError(
            f"`{what}` is a layer of your own, and gets all inputs at once: "
            "it has to return them nested as they came. Received: "
            f"{type(layer).__name__}, which says: {error}"
        ) from error
    return outputs


def augmentation_layer(
    augmentation: keras.layers.Layer | str, inputs: Nested
) -> keras.layers.Layer:
    """Returns the augmentation as a layer; a word means one for images.

    Args:
        augmentation: a layer, `"light"` or `"strong"`.
        inputs: symbolic inputs.

    Raises:
        ValueError: another word, or no image among the inputs.
    """
    if not isinstance(augmentation, str):
        return augmentation
    check_strength(augmentation)
    tensors = keras.tree.flatten(inputs)
    images = [tensor for tensor in tensors if _is_image(tensor)]
    if not images:
        shapes = [tensor.shape for tensor in tensors]
        raise ValueError(
            f"augmentation='{augmentation}' is for images. Received: inputs "
            f"of shape {shapes[0] if len(shapes) == 1 else shapes}. Leave it "
            "out, or pass a layer that suits them, such as "
            "keras.layers.GaussianNoise(0.1)."
        )
    first = keras.config.image_data_format() == "channels_first"
    channels = [tensor.shape[1 if first else -1] for tensor in images]
    layer = layers.augmentation_layer(augmentation, channels)
    note(
        f"augmentation='{augmentation}': "
        f"{', '.join(type(each).__name__ for each in layer.layers)}, in "
        "training alone. Where left is not right (text, digits, hands), pass a "
        "layer without RandomFlip."
    )
    return layer


def check_augmentation(layer: keras.layers.Layer, inputs: Nested) -> None:
    """Raises if a layer changes what labels belong to, or the size.

    Args:
        layer: the augmentation.
        inputs: symbolic inputs.

    Raises:
        ValueError: it mixes images, or has images of another size.
    """
    for each in [layer, *_private.leaf_layers(layer)]:
        if isinstance(each, keras.layers.MixUp | keras.layers.CutMix):
            name = type(each).__name__
            raise ValueError(
                f"`augmentation` is a part of the model, and cannot change "
                f"labels. Received: {name}, which mixes images: their labels "
                "have to be mixed too. Pass it to training: "
                f"fit(..., mixing='{name.lower()}')."
            )
    if not _is_known(layer):
        return
    for tensor in filter(_is_image, keras.tree.flatten(inputs)):
        _check_size(layer, tensor.shape)


def _check_size(layer: keras.layers.Layer, shape: Shape) -> None:
    try:
        found = tuple(layer.compute_output_shape(shape))
    except (NotImplementedError, TypeError, AttributeError):
        return
    if found[1:] != tuple(shape)[1:]:
        raise ValueError(
            "`augmentation` keeps the size of images, as it is left out "
            f"outside of training. Received: {type(layer).__name__}, which "
            f"makes {found[1:]} of {tuple(shape)[1:]}. Resize and crop the "
            "data instead (data.load(..., image_size=...)), or use "
            "keras.layers.RandomZoom or RandomTranslation."
        )


def in_training_only(augmentation: keras.layers.Layer) -> TrainingOnly:
    """Returns the augmentation as a layer that acts in training alone."""
    if isinstance(augmentation, layers.TrainingOnly):
        return augmentation
    return layers.TrainingOnly(augmentation, name="augmentation")


def no_such_layer(model: TransferModel, name: str) -> ValueError:
    """Returns the error for a layer that is not one of a model's own.

    Args:
        model: a `TransferModel`.
        name: what was asked for.
    """
    own = [layer.name for layer in model.layers]
    inside = [layer.name for layer in model.backbone.layers]
    named = [block for block in model.blocks if block.name == name]
    if name in inside:
        remedy = f"It is in the backbone: model.backbone.get_layer({name!r})."
    elif named:
        layer = named[0].layers[-1].name
        remedy = (
            f"It is a block: model.blocks[{named[0].index}].layers holds its "
            "layers, and model.backbone.get_layer finds each by its name, "
            f"such as {layer!r}."
        )
    else:
        near = difflib.get_close_matches(str(name), inside + own, n=3)
        remedy = "Those of the source are in model.backbone.layers" + (
            f"; near in name: {near}." if near else "."
        )
    return ValueError(
        f"'{model.name}' has no layer {name!r} of its own. Expected one of "
        f"{own}. {remedy}"
    )


def described(source: ResolvedBackbone) -> dict[str, Any]:
    """Returns what of a source is kept in the model's config."""
    kept = ("name", "min_size", "input_shape", "pretrained")
    return {name: getattr(source, name) for name in kept}


def initial_freeze_state(
    source: ResolvedBackbone,
    head: keras.layers.Layer,
    train_batch_norm: bool | str,
    name: str,
    blocks: list[Block],
) -> FreezeState:
    """Returns the `FreezeState` with which a model of blocks begins."""
    if train_batch_norm not in ("auto", True, False):
        raise ValueError(
            f"TransferModel '{name}' got an unknown train_batch_norm. "
            f"Received: {train_batch_norm!r}. Expected 'auto', True or False."
        )
    if train_batch_norm == "auto":
        train_batch_norm = not source.pretrained
    depth = 0 if source.pretrained else len(blocks)
    return freezing.FreezeState(blocks, [head], depth, bool(train_batch_norm))
