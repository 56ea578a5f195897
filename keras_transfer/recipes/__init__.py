"""Whole stages in one call."""

from keras_transfer.recipes.adapting import Adaptation, adapt
from keras_transfer.recipes.best_weights import TwoStageResult
from keras_transfer.recipes.fine_tuning import FineTuneResult, fine_tune
from keras_transfer.recipes.learning_rate import find_learning_rate
from keras_transfer.recipes.learning_rate_sweep import LearningRateSweep
from keras_transfer.recipes.matching import MatchResult, match
from keras_transfer.recipes.two_stages import two_stage

__all__ = [
    "Adaptation",
    "FineTuneResult",
    "LearningRateSweep",
    "MatchResult",
    "TwoStageResult",
    "adapt",
    "find_learning_rate",
    "fine_tune",
    "match",
    "two_stage",
]
