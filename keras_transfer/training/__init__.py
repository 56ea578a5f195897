"""What trains, when and how fast, on which devices, and how it goes on."""

from keras_transfer.training.freezing import (
    freeze,
    set_trainable_depth,
    trainable_blocks,
    unfreeze,
)
from keras_transfer.training.layerwise_optimizer import LayerwiseOptimizer
from keras_transfer.training.regularizers import L2SP
from keras_transfer.training.schedules import (
    FullFineTuning,
    GradualUnfreezing,
    LinearProbe,
    PiecewiseUnfreezing,
)

__all__ = [
    "L2SP",
    "FullFineTuning",
    "GradualUnfreezing",
    "LayerwiseOptimizer",
    "LinearProbe",
    "PiecewiseUnfreezing",
    "freeze",
    "set_trainable_depth",
    "trainable_blocks",
    "unfreeze",
]
