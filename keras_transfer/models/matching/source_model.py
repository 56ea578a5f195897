"""The model that is learnt from, and whether it fits the target."""

import warnings

import keras
from keras import ops

from keras_transfer import _private
from keras_transfer._private.types import PathLike
from keras_transfer.backbones import resolving
from keras_transfer.backbones.channels import channel_axis
from keras_transfer.backbones.feature_extractor import without_top
from keras_transfer.backbones.hub.sources import is_hub_source
from keras_transfer.models import construction
from keras_transfer.models.base import BaseModel


def as_source(source: keras.Model | PathLike) -> keras.Model:
    """Returns a source as a model that takes raw input, with its own top.

    Args:
        source: a `TransferModel`, another functional or Sequential model, or
            a name or path that `resolve_backbone` takes. A name has no top.
    """
    if not resolving.is_name(source):
        source = resolving.read_if_path(source)
    if isinstance(source, BaseModel):
        return source
    if not _has_one_output(source):
        resolved = resolving.resolve_backbone(source)
        return _from_raw_input(resolved.model, resolved.preprocessing)
    bare, _, _ = without_top(source)
    _, preprocessing = resolving.recognized_preprocessing(bare)
    functional = _private.functional_graph(source)
    if functional is not source:
        # A Sequential has no symbolic input and output of its own.
        source = keras.Model(
            functional.input, functional.output, name=source.name
        )
    return _from_raw_input(source, preprocessing or "none")


def _has_one_output(source: keras.Model) -> bool:
    if not isinstance(source, keras.Model) or is_hub_source(source):
        return False
    functional = _private.functional_graph(source)
    return functional is not None and len(functional.outputs) == 1


def _from_raw_input(
    model: keras.Model, preprocessing: str | keras.layers.Layer
) -> keras.Model:
    if isinstance(preprocessing, str) and preprocessing == "none":
        return model
    layer = construction.preprocessing_layer(preprocessing, None)
    inputs = construction.inputs_like(model)
    outputs = model(construction.applied(layer, inputs, "preprocessing"))
    return keras.Model(inputs, outputs, name=model.name)


def check_models(source: keras.Model, target: keras.Model) -> None:
    """Raises if one of the two cannot be matched; warns of random weights."""
    if not isinstance(target, keras.Model):
        raise ValueError(
            "The target of a FeatureMatcher is a keras.Model. Received: "
            f"{target!r}. Expected for example TransferModel('ResNet50', 5)."
        )
    shared = {id(v) for v in target.variables} & {
        id(v) for v in source.variables
    }
    if shared:
        raise ValueError(
            f"The source '{source.name}' and the target '{target.name}' share "
            f"{len(shared)} weights: the source would change while the target "
            "trains. Expected two models. `model.clone()` makes a copy of a "
            "TransferModel."
        )
    _check_inputs(source, target)
    if not looks_untrained(source):
        return
    found = (
        f"The source '{source.name}' looks untrained: every bias and every "
        "running mean in it is 0. Its features are those of random weights. "
    )
    if knows_something(target):
        raise ValueError(
            f"{found}The target '{target.name}' has been trained: are the two "
            "swapped? Expected a trained `source`, and the model that is to "
            "learn from it as `target`."
        )
    warnings.warn(f"{found}Load the weights it was trained to.", stacklevel=3)


def looks_untrained(model: keras.Model) -> bool:
    """Whether all that starts at zero still is: biases and running means."""
    return bool(_starts_at_zero(model)) and not knows_something(model)


def knows_something(model: keras.Model) -> bool:
    """Whether some bias or running mean is no longer at its start."""
    starts = _starts_at_zero(model)
    return any(ops.convert_to_numpy(v).any() for v in starts)


def _starts_at_zero(model: keras.Model) -> list[keras.Variable]:
    names = ("bias", "beta", "moving_mean")
    return [v for v in model.variables if v.path.split("/")[-1] in names]


def _check_inputs(source: keras.Model, target: keras.Model) -> None:
    theirs, mine = (
        [tuple(x.shape[1:]) for x in keras.tree.flatten(model.input)]
        for model in (source, target)
    )
    fits = len(mine) == len(theirs) and all(map(_fits, mine, theirs))
    if not fits:
        raise ValueError(
            f"The source '{source.name}' and the target '{target.name}' "
            "cannot be given the same data. Received: inputs of shape "
            f"{theirs} for the source and {mine} for the target. "
            "Images may differ in size, but neither in channels nor in their "
            "place (channels first or last); everything else must be equal. "
            "TransferModel(..., input_shape=...) adapts a model."
        )


def _fits(a: tuple, b: tuple) -> bool:
    if len(a) != len(b):
        return False
    if len(a) != 3:
        return all(x == y or None in (x, y) for x, y in zip(a, b, strict=True))
    axis = channel_axis(a)
    return channel_axis(b) == axis and a[axis] == b[axis]
