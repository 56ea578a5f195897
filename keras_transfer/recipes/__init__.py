"""Whole stages in one call."""

from keras_transfer.recipes.best_weights import TwoStageResult as TwoStageResult
from keras_transfer.recipes.two_stages import two_stage as two_stage
