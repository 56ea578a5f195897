"""`HubFeatures`: one feature tensor from a KerasHub backbone."""

from typing import Any, Self

import keras

from keras_transfer import graph
from keras_transfer._private.types import Nested
from keras_transfer.backbones.hub.stacks import stacks_in, unrolled
from keras_transfer.graph.masking import WithMask


@keras.saving.register_keras_serializable(package="keras_transfer")
class HubFeatures(keras.Model):
    """A KerasHub backbone up to its features, in blocks and with its mask.

    A functional model over the layers of `backbone`, which stays as it was:

    - layers that hold a stack of blocks are drawn block by block;
    - of a dictionary of outputs the sequence is taken;
    - a sequence carries the padding mask that went in, so that a head pools
      over real tokens only;
    - a dictionary of inputs that holds nothing but images is opened.

    It is saved as the configuration of `backbone`, because not every layer of
    KerasHub can be restored by itself.

    Args:
        backbone: A KerasHub backbone.
        output_layer: Name of the layer to end at, instead of the output.

    Raises:
        ValueError: If it is not clear which output is the feature, or there
            is no such layer to end at.

    Example:

    ```python
    features = HubFeatures(keras_hub.models.BertBackbone(...))
    ```
    """

    def __init__(self, backbone: keras.Model, output_layer: str | None = None):
        inputs, features = _inputs_and_features(backbone, output_layer)
        super().__init__(inputs, features, name=backbone.name)
        # Not the backbone itself: Keras would track its layers twice.
        self._config = {
            "backbone": keras.saving.serialize_keras_object(backbone),
            "output_layer": output_layer,
        }

    def get_config(self) -> dict[str, Any]:
        return dict(self._config)

    @classmethod
    def from_config(
        cls,
        config: dict[str, Any],
        custom_objects: dict[str, Any] | None = None,
    ) -> Self:
        backbone = keras.saving.deserialize_keras_object(
            config["backbone"], custom_objects=custom_objects
        )
        return cls(backbone, config["output_layer"])


def feature_extractor(
    backbone: keras.Model, output_layer: str | None = None
) -> keras.Model:
    """`HubFeatures` of a backbone, or `backbone` itself where that is equal.

    Args:
        backbone: A KerasHub backbone.
        output_layer: Name of the layer to end at, instead of the output.

    Returns:
        A functional model.

    Raises:
        ValueError: As `HubFeatures`.
    """
    nested = isinstance(backbone.input, dict) or isinstance(
        backbone.output, dict
    )
    if nested or output_layer is not None or stacks_in(backbone):
        return HubFeatures(backbone, output_layer)
    return backbone


def _inputs_and_features(
    backbone: keras.Model, output_layer: str | None
) -> tuple[Nested, keras.KerasTensor]:
    inner = _with_one_output(unrolled(backbone), output_layer)
    given, mask = backbone.input, None
    inputs = keras.tree.map_structure(graph.input_like, given)
    features = inner(inputs)
    if isinstance(given, dict):
        mask = inputs.get("padding_mask")
    if mask is not None and len(features.shape) == 3:
        mask = keras.ops.cast(mask, "bool")
        features = WithMask(name="with_mask")(features, mask=mask)
    if _holds_only_images(given):
        (inputs,) = inputs.values()
    return inputs, features


def _with_one_output(
    model: keras.Model, output_layer: str | None
) -> keras.Model:
    if output_layer is not None:
        model, _ = graph.split(model, output_layer)
        # A padding mask may pass beside the cut; the features come first.
        features = keras.tree.flatten(model.output)[0]
    elif not isinstance(model.output, dict):
        return model
    elif "sequence_output" in model.output:
        features = model.output["sequence_output"]
    else:
        raise ValueError(
            f"{model.name!r} has several outputs, and it is not clear which "
            f"is the feature: {sorted(model.output)}. Give `output_layer`, a "
            "layer at which the model can be cut, or pass "
            "`keras.Model(inputs, features)` over its layers."
        )
    # A model of its own, without the layers that only the others need.
    return keras.Model(model.input, features, name=model.name)


def _holds_only_images(given: Nested) -> bool:
    return (
        isinstance(given, dict)
        and len(given) == 1
        and len(next(iter(given.values())).shape) == 4
    )
