"""Everything that names a KerasHub source: a preset, a backbone, a task."""

import sys
from pathlib import Path

import keras

from keras_transfer._private.types import PathLike
from keras_transfer.backbones.hub.presets import keras_hub, load_preset

_PREFIX = "hub:"


def is_hub_source(backbone: object) -> bool:
    """Tells whether `backbone` is `"hub:PRESET"` or a model of KerasHub."""
    if isinstance(backbone, (str, Path)):
        return str(backbone).startswith(_PREFIX) or is_preset(backbone)
    # Whoever has such a model has imported keras_hub; we do not.
    hub = sys.modules.get("keras_hub")
    return hub is not None and isinstance(
        backbone, (hub.models.Backbone, hub.models.Task)
    )


def is_preset(folder: PathLike) -> bool:
    """Whether a folder is a preset that `save_to_preset` has written."""
    path = Path(folder).expanduser()
    if not (path / "config.json").is_file():
        return False
    return any(path.glob("*.weights.h5"))


def place_of(source: PathLike | keras.Model) -> str | keras.Model:
    """Returns the name or folder of a preset; a model stays as it is."""
    if isinstance(source, (str, Path)):
        return str(source).removeprefix(_PREFIX)
    return source


def backbone_and_converter(
    source: PathLike | keras.Model, with_weights: bool = True
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
    if isinstance(source, (str, Path)):
        return load_preset(place_of(source), with_weights)
    if isinstance(source, keras_hub().models.Task):
        preprocessor = source.preprocessor
        return source.backbone, getattr(preprocessor, "image_converter", None)
    return source, None
