"""Transfer learning for Keras 3, inside `model.fit`."""

import gc
import importlib
import os
import sys
from typing import TYPE_CHECKING

from keras_transfer._version import __version__

if TYPE_CHECKING:
    from keras_transfer import (
        backbones,
        data,
        recipes,
        transferability,
    )
    from keras_transfer.backbones.weights import transfer_weights
    from keras_transfer.callbacks import (
        FreezeAudit,
        FreezingScheduler,
        MatchingWeightScheduler,
        PreciseBatchNorm,
        TransferCheckpoint,
        UnfreezeOnPlateau,
    )
    from keras_transfer.feature_cache import FeatureCache
    from keras_transfer.layers import (
        ClassificationHead,
        FeatureAdapter,
        ImageNetPreprocessing,
        RegressionHead,
        TrainingOnly,
    )
    from keras_transfer.losses import FeatureMatchingLoss
    from keras_transfer.models import FeatureMatcher, TransferModel
    from keras_transfer.recipes import (
        adapt,
        find_learning_rate,
        fine_tune,
        match,
    )
    from keras_transfer.recipes.assessment import (
        UnknownDetector,
        assess_transfer,
        rank_backbones,
        source_retention,
    )
    from keras_transfer.recipes.assessment.expected_accuracy import (
        expected_accuracy,
    )
    from keras_transfer.serving import export_saved_model
    from keras_transfer.storage.files import load_model
    from keras_transfer.training import distribution
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
    from keras_transfer.tuner import TransferHyperModel, search

# What `import keras_transfer` loads: Keras finds a class that a file names by
# what was imported.
_AT_ONCE = {
    "ClassificationHead": "keras_transfer.layers:ClassificationHead",
    "FeatureAdapter": "keras_transfer.layers:FeatureAdapter",
    "FeatureCache": "keras_transfer.feature_cache:FeatureCache",
    "FeatureMatcher": "keras_transfer.models:FeatureMatcher",
    "FeatureMatchingLoss": "keras_transfer.losses:FeatureMatchingLoss",
    "FreezeAudit": "keras_transfer.callbacks:FreezeAudit",
    "FreezingScheduler": "keras_transfer.callbacks:FreezingScheduler",
    "FullFineTuning": "keras_transfer.training.schedules:FullFineTuning",
    "GradualUnfreezing": "keras_transfer.training.schedules:GradualUnfreezing",
    "ImageNetPreprocessing": "keras_transfer.layers:ImageNetPreprocessing",
    "L2SP": "keras_transfer.training.regularizers:L2SP",
    "LayerwiseOptimizer": (
        "keras_transfer.training.layerwise_optimizer:LayerwiseOptimizer"
    ),
    "LinearProbe": "keras_transfer.training.schedules:LinearProbe",
    "MatchingWeightScheduler": (
        "keras_transfer.callbacks:MatchingWeightScheduler"
    ),
    "PiecewiseUnfreezing": (
        "keras_transfer.training.schedules:PiecewiseUnfreezing"
    ),
    "PreciseBatchNorm": "keras_transfer.callbacks:PreciseBatchNorm",
    "RegressionHead": "keras_transfer.layers:RegressionHead",
    "TrainingOnly": "keras_transfer.layers:TrainingOnly",
    "TransferCheckpoint": "keras_transfer.callbacks:TransferCheckpoint",
    "TransferModel": "keras_transfer.models:TransferModel",
    "UnfreezeOnPlateau": "keras_transfer.callbacks:UnfreezeOnPlateau",
    "freeze": "keras_transfer.training.freezing:freeze",
    "load_model": "keras_transfer.storage.files:load_model",
    "set_trainable_depth": (
        "keras_transfer.training.freezing:set_trainable_depth"
    ),
    "trainable_blocks": "keras_transfer.training.freezing:trainable_blocks",
    "transfer_weights": "keras_transfer.backbones.weights:transfer_weights",
    "unfreeze": "keras_transfer.training.freezing:unfreeze",
}
# What is loaded only when somebody asks for it: these import TensorFlow,
# scikit-learn or Pillow somewhere below.
_LAZY = {
    "TransferHyperModel": "keras_transfer.tuner:TransferHyperModel",
    "UnknownDetector": "keras_transfer.recipes.assessment:UnknownDetector",
    "adapt": "keras_transfer.recipes:adapt",
    "assess_transfer": "keras_transfer.recipes.assessment:assess_transfer",
    "backbones": "keras_transfer.backbones",
    "data": "keras_transfer.data",
    "distribution": "keras_transfer.training.distribution",
    "expected_accuracy": "keras_transfer.recipes.assessment:expected_accuracy",
    "export_saved_model": "keras_transfer.serving:export_saved_model",
    "find_learning_rate": "keras_transfer.recipes:find_learning_rate",
    "fine_tune": "keras_transfer.recipes:fine_tune",
    "match": "keras_transfer.recipes:match",
    "rank_backbones": "keras_transfer.recipes.assessment:rank_backbones",
    "recipes": "keras_transfer.recipes",
    "search": "keras_transfer.tuner:search",
    "source_retention": "keras_transfer.recipes.assessment:source_retention",
    "transferability": "keras_transfer.transferability",
}
__all__ = [
    "L2SP",
    "ClassificationHead",
    "FeatureAdapter",
    "FeatureCache",
    "FeatureMatcher",
    "FeatureMatchingLoss",
    "FreezeAudit",
    "FreezingScheduler",
    "FullFineTuning",
    "GradualUnfreezing",
    "ImageNetPreprocessing",
    "LayerwiseOptimizer",
    "LinearProbe",
    "MatchingWeightScheduler",
    "PiecewiseUnfreezing",
    "PreciseBatchNorm",
    "RegressionHead",
    "TrainingOnly",
    "TransferCheckpoint",
    "TransferHyperModel",
    "TransferModel",
    "UnfreezeOnPlateau",
    "UnknownDetector",
    "__version__",
    "adapt",
    "assess_transfer",
    "backbones",
    "data",
    "distribution",
    "expected_accuracy",
    "export_saved_model",
    "find_learning_rate",
    "fine_tune",
    "freeze",
    "load_model",
    "match",
    "rank_backbones",
    "recipes",
    "search",
    "set_trainable_depth",
    "source_retention",
    "trainable_blocks",
    "transfer_weights",
    "transferability",
    "unfreeze",
]


def __getattr__(name: str) -> object:
    place = _LAZY.get(name) or _AT_ONCE.get(name)
    if place is None:
        raise AttributeError(
            f"module 'keras_transfer' has no attribute {name!r}"
        )
    path, _, attribute = place.partition(":")
    module = importlib.import_module(path)
    return getattr(module, attribute) if attribute else module


def __dir__() -> list[str]:
    return __all__


def _is_command_line() -> bool:
    """Whether this process is `keras-transfer` itself, not a user's script.

    While Python looks for the module of `-m`, the first argument is "-m".
    """
    if sys.argv[:1] == ["-m"]:
        return sys.orig_argv[-len(sys.argv)] == "keras_transfer"
    name = os.path.basename(sys.argv[0]) if sys.argv else ""
    return name in ("keras-transfer", "keras-transfer.exe")


def load_classes() -> None:
    """Loads what others than the command line have from the start."""
    # A collection in between walks over all of Keras, and finds nothing.
    collects = gc.isenabled()
    gc.disable()
    try:
        for name in _AT_ONCE:
            globals()[name] = __getattr__(name)
    finally:
        if collects:
            gc.enable()


if not _is_command_line():
    load_classes()
