"""Stage 2: will it transfer, what will it reach, and what was forgotten."""

from keras_transfer.recipes.assessment.assessing import assess_transfer
from keras_transfer.recipes.assessment.assessment import TransferAssessment
from keras_transfer.recipes.assessment.backbone_ranking import (
    BackboneRanking,
    RankedBackbone,
)
from keras_transfer.recipes.assessment.expected_accuracy import (
    expected_accuracy,
)
from keras_transfer.recipes.assessment.expected_accuracy_result import (
    ExpectedAccuracy,
)
from keras_transfer.recipes.assessment.ranking_backbones import rank_backbones
from keras_transfer.recipes.assessment.retention import source_retention
from keras_transfer.recipes.assessment.retention_result import (
    BlockRetention,
    SourceRetention,
)
from keras_transfer.recipes.assessment.unknown import UnknownDetector

__all__ = [
    "BackboneRanking",
    "BlockRetention",
    "ExpectedAccuracy",
    "RankedBackbone",
    "SourceRetention",
    "TransferAssessment",
    "UnknownDetector",
    "assess_transfer",
    "expected_accuracy",
    "rank_backbones",
    "source_retention",
]
