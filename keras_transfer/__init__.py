"""Transfer learning for Keras 3, inside `model.fit`."""

import importlib
from typing import TYPE_CHECKING

from keras_transfer._version import __version__ as __version__
from keras_transfer.backbones.weights import (
    transfer_weights as transfer_weights,
)
from keras_transfer.callbacks import FreezeAudit as FreezeAudit
from keras_transfer.callbacks import FreezingScheduler as FreezingScheduler
from keras_transfer.callbacks import (
    MatchingWeightScheduler as MatchingWeightScheduler,
)
from keras_transfer.callbacks import PreciseBatchNorm as PreciseBatchNorm
from keras_transfer.callbacks import TransferCheckpoint as TransferCheckpoint
from keras_transfer.callbacks import UnfreezeOnPlateau as UnfreezeOnPlateau
from keras_transfer.feature_cache import FeatureCache as FeatureCache
from keras_transfer.layers import ClassificationHead as ClassificationHead
from keras_transfer.layers import FeatureAdapter as FeatureAdapter
from keras_transfer.layers import ImageNetPreprocessing as ImageNetPreprocessing
from keras_transfer.layers import RegressionHead as RegressionHead
from keras_transfer.layers import TrainingOnly as TrainingOnly
from keras_transfer.losses import FeatureMatchingLoss as FeatureMatchingLoss
from keras_transfer.models import FeatureMatcher as FeatureMatcher
from keras_transfer.models import TransferModel as TransferModel
from keras_transfer.storage.files import load_model as load_model
from keras_transfer.training.freezing import freeze as freeze
from keras_transfer.training.freezing import (
    set_trainable_depth as set_trainable_depth,
)
from keras_transfer.training.freezing import (
    trainable_blocks as trainable_blocks,
)
from keras_transfer.training.freezing import unfreeze as unfreeze
from keras_transfer.training.layerwise_optimizer import (
    LayerwiseOptimizer as LayerwiseOptimizer,
)
from keras_transfer.training.regularizers import L2SP as L2SP
from keras_transfer.training.schedules import FullFineTuning as FullFineTuning
from keras_transfer.training.schedules import (
    GradualUnfreezing as GradualUnfreezing,
)
from keras_transfer.training.schedules import LinearProbe as LinearProbe
from keras_transfer.training.schedules import (
    PiecewiseUnfreezing as PiecewiseUnfreezing,
)

if TYPE_CHECKING:
    from keras_transfer import backbones as backbones
    from keras_transfer import data as data
    from keras_transfer import recipes as recipes
    from keras_transfer import transferability as transferability
    from keras_transfer.recipes import find_learning_rate as find_learning_rate
    from keras_transfer.recipes import fine_tune as fine_tune
    from keras_transfer.recipes import match as match
    from keras_transfer.recipes.assessment import (
        UnknownDetector as UnknownDetector,
    )
    from keras_transfer.recipes.assessment import (
        assess_transfer as assess_transfer,
    )
    from keras_transfer.recipes.assessment import (
        rank_backbones as rank_backbones,
    )
    from keras_transfer.recipes.assessment import (
        source_retention as source_retention,
    )
    from keras_transfer.recipes.assessment.expected_accuracy import (
        expected_accuracy as expected_accuracy,
    )
    from keras_transfer.serving import export_saved_model as export_saved_model
    from keras_transfer.training import distribution as distribution
    from keras_transfer.tuner import TransferHyperModel as TransferHyperModel
    from keras_transfer.tuner import search as search

# What is loaded only when somebody asks for it, and where it lives: these
# import TensorFlow, scikit-learn or Pillow somewhere below.
_LAZY = {
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
    "TransferHyperModel": "keras_transfer.tuner:TransferHyperModel",
    "UnknownDetector": "keras_transfer.recipes.assessment:UnknownDetector",
}


def __getattr__(name: str) -> object:
    if name not in _LAZY:
        raise AttributeError(
            f"module 'keras_transfer' has no attribute {name!r}"
        )
    path, _, attribute = _LAZY[name].partition(":")
    module = importlib.import_module(path)
    return getattr(module, attribute) if attribute else module


def __dir__() -> list[str]:
    return sorted([*globals(), *_LAZY])
