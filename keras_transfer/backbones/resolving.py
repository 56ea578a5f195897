"""From a name, a path or a model to a feature extractor for raw images."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

import keras

from keras_transfer._private.types import Nested, PathLike, Shape
from keras_transfer.backbones.applications import (
    APPLICATIONS,
    find_application,
    preprocessing_of,
    recognize_application,
)
from keras_transfer.backbones.channels import adapt_input, channel_axis
from keras_transfer.backbones.feature_extractor import (
    below_top,
    feature_extractor,
)
from keras_transfer.backbones.hub import features, images, sources, texts
from keras_transfer.backbones.pretrained import (
    build_application,
    sizes_there,
    weights_are_there,
)
from keras_transfer.backbones.source_files import load_weights
from keras_transfer.storage.files import load_model
from keras_transfer.storage.printing import note

if TYPE_CHECKING:
    from keras_transfer.backbones.applications import Application
    from keras_transfer.backbones.hub.texts import TextInputs

_MODEL_FILES = (".keras", ".h5", ".hdf5")


@dataclasses.dataclass(frozen=True)
class ResolvedBackbone:
    """A feature extractor and what has to come before it.

    Attributes:
        model: From preprocessed input to features.
        preprocessing: What turns 0..255 into the input of `model`: a mode of
            `ImageNetPreprocessing` (`"none"` where nothing is needed), or a
            layer.
        name: Name of the architecture, or of the model.
        min_size: Smallest height and width in pixels, `None` if unknown.
        input_shape: Shape of one sample, structured like the model's input.
        pretrained: Whether the weights come from training.
        texts: What makes inputs of texts, `None` without a tokenizer.
    """

    model: keras.Model
    preprocessing: str | keras.layers.Layer
    name: str
    min_size: int | None
    input_shape: Any
    pretrained: bool
    texts: TextInputs | None = None


def resolve_backbone(
    backbone: PathLike | keras.Model | ResolvedBackbone,
    *,
    input_shape: Shape | None = None,
    weights: PathLike | None = "imagenet",
    output_layer: str | None = None,
    sequence_length: int | None = None,
) -> ResolvedBackbone:
    """Turns whatever names a source model into a feature extractor.

    Use it to get the features of a model without building a `TransferModel`.
    A model of one's own is not copied: its layers are shared. If it is a
    classifier it is cut before its top, and one printed line says where.

    Args:
        backbone: One of:

            - the name of a constructor in `keras.applications`;
            - `"hub:PRESET"`, a preset of KerasHub or the folder of one;
            - a path to a `.keras` file (or a whole model in `.h5`);
            - a `ResolvedBackbone`, which is returned as it is;
            - a `keras.Model`. A `TransferModel` gives its own backbone and
              preprocessing. A model of `keras.applications` is recognised by
              its name and its weights and gets its preprocessing; any other
              is taken to need none.
        input_shape: Shape of one sample, such as `(224, 224, 3)`. `None`
            means the size the published weights were trained at, or the
            model's own. Another shape than the model's own makes a copy, see
            `channels.adapt_input`; so images may have any number of channels.
        weights: `"imagenet"` (for a model of one's own: the weights it has),
            a path to a weight file, or `None` for untrained. A model of
            one's own keeps its weights then too and only counts as untrained.
        output_layer: Name of the layer whose output is the feature, instead
            of the last one before the top.
        sequence_length: Tokens a text, for a source with a tokenizer.

    Returns:
        A `ResolvedBackbone`.

    Raises:
        ValueError: For an unknown name, a shape the model cannot take, or
            weights that do not fit.
        FileNotFoundError: If a path does not exist, or the ImageNet weights
            are not there and cannot be downloaded.

    Example:

    ```python
    source = resolve_backbone("ResNet50", input_shape=(160, 160, 3))
    pixels = keras.Input(source.input_shape)
    x = ImageNetPreprocessing(source.preprocessing)(pixels)
    features = keras.Model(pixels, source.model(x))
    ```
    """
    if isinstance(backbone, ResolvedBackbone):
        return backbone
    if sources.is_hub_source(backbone):
        return _from_hub(
            backbone, input_shape, weights, output_layer, sequence_length
        )
    if sequence_length is not None:
        raise ValueError(
            "`sequence_length` is for a source with a tokenizer, a preset of "
            f"KerasHub for texts. Received: sequence_length={sequence_length} "
            f"for {backbone!r}."
        )
    if is_name(backbone):
        resolved = _from_name(backbone, input_shape, weights)
        if output_layer is None:
            return resolved
        model = below_top(resolved.model, output_layer)
        return dataclasses.replace(resolved, model=model)
    backbone = read_if_path(backbone)
    if not isinstance(backbone, keras.Model):
        raise ValueError(
            "A backbone is the name of a model in keras.applications, "
            "'hub:' and a preset of KerasHub, a path to a .keras file, or a "
            "keras.Model. Received: "
            f"{backbone!r} of type {type(backbone).__name__}."
        )
    return _from_model(backbone, input_shape, weights, output_layer)


def list_backbones() -> list[dict]:
    """The models that can be named, in alphabetical order.

    Returns:
        One dictionary a model with `name`, `preprocessing` (the mode of
        `ImageNetPreprocessing`), `min_size` and `default_size` in pixels,
        `num_params` (without top), `num_blocks`, `weights_here`: whether the
        ImageNet weights lie in the Keras cache, and `sizes_here`: the sides in
        pixels for which they do, where each has a file of its own.

    Examples:
        >>> last = list_backbones()[-1]
        >>> last.get("name")
        'Xception'
    """
    fields = (
        "name",
        "preprocessing",
        "min_size",
        "default_size",
        "num_params",
        "num_blocks",
    )
    return [
        {field: getattr(APPLICATIONS[name], field) for field in fields}
        | {
            "weights_here": weights_are_there(APPLICATIONS[name]),
            "sizes_here": sizes_there(APPLICATIONS[name]),
        }
        for name in sorted(APPLICATIONS)
    ]


def is_name(source: object) -> TypeGuard[str]:
    """Whether a source is given by a name, not by a path or as a model."""
    if not isinstance(source, str):
        return False
    if sources.is_hub_source(source):
        return True
    is_path = source.endswith(_MODEL_FILES) or "/" in source
    return not is_path and not Path(source).exists()


def read_if_path(source: PathLike | keras.Model) -> keras.Model:
    """Returns the model in a file; what is no path is returned as it is."""
    if isinstance(source, (str, Path)):
        return load_model(source, compile=False)
    return source


def recognized_preprocessing(
    model: keras.Model,
) -> tuple[Application | None, str | keras.layers.Layer | None]:
    """Returns what a model of `keras.applications` was trained with.

    One printed line says so.

    Args:
        model: a model without top.

    Returns:
        `(application, preprocessing)`, the latter a mode or a layer; `None`
        for both of any other model.
    """
    application = recognize_application(model)
    if application is None:
        return None, None
    preprocessing = preprocessing_of(application, model)
    is_mode = isinstance(preprocessing, str)
    note(
        f"backbone: {model.name!r} was recognised as {application.name}; its "
        "preprocessing is "
        + (repr(preprocessing) if is_mode else type(preprocessing).__name__)
    )
    return application, preprocessing


def _from_name(
    name: str, input_shape: Shape | None, weights: PathLike | None
) -> ResolvedBackbone:
    application = find_application(name)
    model = build_application(application, input_shape, weights)
    shape, mode = tuple(model.inputs[0].shape[1:]), application.preprocessing
    return ResolvedBackbone(
        model, mode, name, application.min_size, shape, weights is not None
    )


def _from_hub(
    source: str | keras.Model,
    input_shape: Shape | None,
    weights: PathLike | None,
    output_layer: str | None,
    sequence_length: int | None,
) -> ResolvedBackbone:
    backbone, converter = sources.backbone_and_converter(
        source, with_weights=weights == "imagenet"
    )
    if weights not in ("imagenet", None):
        load_weights(backbone, weights)
    name = backbone.name
    place = sources.place_of(source)
    text = texts.text_inputs_of(place, backbone, sequence_length)
    backbone = images.at_image_shape(backbone, converter, input_shape)
    model = features.feature_extractor(backbone, output_layer)
    model, shape = _at_shape(model, input_shape)
    preprocessing = "none"
    if isinstance(shape, tuple) and len(shape) == 3:
        preprocessing = images.image_preprocessing(
            backbone, converter, shape[channel_axis(shape)]
        )
    return ResolvedBackbone(
        model, preprocessing, name, None, shape, weights is not None, text
    )


def _from_model(
    model: keras.Model,
    input_shape: Shape | None,
    weights: PathLike | None,
    output_layer: str | None,
) -> ResolvedBackbone:
    if weights not in ("imagenet", None):
        load_weights(model, weights)
    inner, preprocessing = _inner_backbone(model)
    name, min_size = inner.name, None
    inner = feature_extractor(
        inner, input_shape, output_layer, is_top=inner is model
    )
    if preprocessing is None:
        application, preprocessing = recognized_preprocessing(inner)
    else:
        application = recognize_application(inner)
    if application is not None:
        name, min_size = application.name, application.min_size
        application.check_input_shape(input_shape or inner.input_shape[1:])
    preprocessing = "none" if preprocessing is None else preprocessing
    inner, shape = _at_shape(inner, input_shape)
    return ResolvedBackbone(
        inner, preprocessing, name, min_size, shape, weights is not None,
        getattr(model, "_texts", None),
    )  # fmt: skip


def _inner_backbone(
    model: keras.Model,
) -> tuple[keras.Model, keras.layers.Layer | None]:
    """The feature extractor inside a transfer model, and its preprocessing."""
    inner = getattr(model, "backbone", None)
    preprocessing = getattr(model, "preprocessing", None)
    if isinstance(inner, keras.Model) and isinstance(
        preprocessing, keras.layers.Layer
    ):
        return inner, preprocessing
    return model, None


def _at_shape(
    model: keras.Model, input_shape: Shape | None
) -> tuple[keras.Model, Nested]:
    """The model at `input_shape`, and the shape of a sample."""
    own = keras.tree.map_structure(
        lambda tensor: tuple(tensor.shape[1:]), model.input
    )
    if isinstance(input_shape, list):
        input_shape = tuple(input_shape)
    if input_shape is None or own == input_shape:
        return model, own
    if len(model.inputs) > 1:
        raise ValueError(
            f"The input_shape of {model.name!r} cannot be changed: it has "
            f"{len(model.inputs)} inputs of shapes {own}. Received: "
            f"input_shape={input_shape}."
        )
    return adapt_input(model, input_shape), input_shape
