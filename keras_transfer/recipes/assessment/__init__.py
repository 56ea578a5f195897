"""Stage 2: will it transfer, what will it reach, and what was forgotten."""

from keras_transfer.recipes.assessment.assessing import assess_transfer
from keras_transfer.recipes.assessment.assessment import TransferAssessment

__all__ = ["TransferAssessment", "assess_transfer"]
