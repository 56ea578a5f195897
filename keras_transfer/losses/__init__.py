"""Distances between the features of a source and of a target model."""

from keras_transfer.losses.alignment import LinearCKALoss
from keras_transfer.losses.attention import AttentionTransferLoss
from keras_transfer.losses.base import BatchCoupledLoss, FeatureLoss
from keras_transfer.losses.coral import CoralLoss
from keras_transfer.losses.cosine import CosineFeatureLoss
from keras_transfer.losses.decoupled import DecoupledLoss
from keras_transfer.losses.discrepancy import MaximumMeanDiscrepancyLoss
from keras_transfer.losses.feature_matching import DISTANCES as DISTANCES
from keras_transfer.losses.feature_matching import FeatureMatchingLoss
from keras_transfer.losses.gram import GramLoss
from keras_transfer.losses.hint import HintLoss
from keras_transfer.losses.relational import (
    RelationalAngleLoss,
    RelationalDistanceLoss,
)
from keras_transfer.losses.selectivity import NeuronSelectivityLoss
from keras_transfer.losses.similarity import SimilarityPreservingLoss
from keras_transfer.losses.smoothed import (
    SmoothedCrossentropy as SmoothedCrossentropy,
)
from keras_transfer.losses.soft_targets import SoftTargetLoss

__all__ = [
    "AttentionTransferLoss",
    "BatchCoupledLoss",
    "CoralLoss",
    "CosineFeatureLoss",
    "DecoupledLoss",
    "FeatureLoss",
    "FeatureMatchingLoss",
    "GramLoss",
    "HintLoss",
    "LinearCKALoss",
    "MaximumMeanDiscrepancyLoss",
    "NeuronSelectivityLoss",
    "RelationalAngleLoss",
    "RelationalDistanceLoss",
    "SimilarityPreservingLoss",
    "SoftTargetLoss",
]
