"""From a name, a preset, a file or a model to a feature extractor."""

from keras_transfer.backbones.resolving import list_backbones as list_backbones
from keras_transfer.backbones.resolving import (
    resolve_backbone as resolve_backbone,
)
