"""Stage 2: will it transfer, what will it reach, and what was forgotten."""

from keras_transfer.recipes.assessment.expected_accuracy import (
    ExpectedAccuracy,
    expected_accuracy,
)
from keras_transfer.recipes.assessment.unknown import UnknownDetector

__all__ = ["ExpectedAccuracy", "UnknownDetector", "expected_accuracy"]
