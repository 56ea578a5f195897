"""Everything that names a KerasHub source: a preset, a backbone, a task."""

import sys

import keras

from keras_transfer.backbones.hub.presets import keras_hub, load_preset

_PREFIX = "hub:"


def is_hub_source(backbone: object) -> bool:
    """Tells whether `backbone` is `"hub:PRESET"` or a model of KerasHub."""
    if isinstance(backbone, str):
        return backbone.startswith(_PREFIX)
    # Whoever has such a model has imported keras_hub; we do not.
    hub = sys.modules.get("keras_hub")
    return hub is not None and isinstance(
        backbone, (hub.models.Backbone, hub.models.Task)
    )


def backbone_and_converter(
    source: str | keras.Model, with_weights: bool = True
) -> tuple[keras.Model, keras.layers.Layer | None]:
    """The KerasHub backbone behind a source, and what scales its images.

    Args:
        source: `"hub:"` and what `load_preset` takes, or a KerasHub backbone
            or task.
        with_weights: Whether a preset's weights are loaded.

    Returns:
        `(backbone, converter)`; the converter is an `ImageConverter`, or
        `None` where there is none.

    Raises:
        ImportError, FileNotFoundError, ValueError: As `load_preset`.
    """
    if isinstance(source, str):
        return load_preset(source.removeprefix(_PREFIX), with_weights)
    if isinstance(source, keras_hub().models.Task):
        preprocessor = source.preprocessor
        return source.backbone, getattr(preprocessor, "image_converter", None)
    return source, None
