"""From a name, a preset, a file or a model to a feature extractor."""

from keras_transfer.backbones.resolving import list_backbones, resolve_backbone
from keras_transfer.backbones.weights import (
    TransferReport,
    TransferRow,
    transfer_weights,
)

__all__ = [
    "TransferReport",
    "TransferRow",
    "list_backbones",
    "resolve_backbone",
    "transfer_weights",
]
