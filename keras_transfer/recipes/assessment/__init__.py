"""Stage 2: will it transfer, what will it reach, and what was forgotten."""

from keras_transfer.recipes.assessment.assessing import assess_transfer
from keras_transfer.recipes.assessment.assessment import TransferAssessment
from keras_transfer.recipes.assessment.backbone_ranking import (
    BackboneRanking,
    RankedBackbone,
)
from keras_transfer.recipes.assessment.ranking_backbones import rank_backbones

__all__ = [
    "BackboneRanking",
    "RankedBackbone",
    "TransferAssessment",
    "assess_transfer",
    "rank_backbones",
]
