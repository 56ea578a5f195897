"""Whole stages in one call."""

from keras_transfer.recipes.best_weights import TwoStageResult as TwoStageResult
from keras_transfer.recipes.fine_tuning import FineTuneResult as FineTuneResult
from keras_transfer.recipes.fine_tuning import fine_tune as fine_tune
from keras_transfer.recipes.learning_rate import (
    find_learning_rate as find_learning_rate,
)
from keras_transfer.recipes.learning_rate_sweep import (
    LearningRateSweep as LearningRateSweep,
)
from keras_transfer.recipes.matching import MatchResult as MatchResult
from keras_transfer.recipes.matching import match as match
from keras_transfer.recipes.two_stages import two_stage as two_stage
