"""Distances between the features of a source and of a target model."""

from keras_transfer.losses.alignment import LinearCKALoss as LinearCKALoss
from keras_transfer.losses.attention import (
    AttentionTransferLoss as AttentionTransferLoss,
)
from keras_transfer.losses.base import BatchCoupledLoss as BatchCoupledLoss
from keras_transfer.losses.base import FeatureLoss as FeatureLoss
from keras_transfer.losses.coral import CoralLoss as CoralLoss
from keras_transfer.losses.cosine import CosineFeatureLoss as CosineFeatureLoss
from keras_transfer.losses.decoupled import DecoupledLoss as DecoupledLoss
from keras_transfer.losses.discrepancy import (
    MaximumMeanDiscrepancyLoss as MaximumMeanDiscrepancyLoss,
)
from keras_transfer.losses.feature_matching import DISTANCES as DISTANCES
from keras_transfer.losses.feature_matching import (
    FeatureMatchingLoss as FeatureMatchingLoss,
)
from keras_transfer.losses.gram import GramLoss as GramLoss
from keras_transfer.losses.hint import HintLoss as HintLoss
from keras_transfer.losses.relational import (
    RelationalAngleLoss as RelationalAngleLoss,
)
from keras_transfer.losses.relational import (
    RelationalDistanceLoss as RelationalDistanceLoss,
)
from keras_transfer.losses.selectivity import (
    NeuronSelectivityLoss as NeuronSelectivityLoss,
)
from keras_transfer.losses.similarity import (
    SimilarityPreservingLoss as SimilarityPreservingLoss,
)
from keras_transfer.losses.smoothed import (
    SmoothedCrossentropy as SmoothedCrossentropy,
)
from keras_transfer.losses.soft_targets import SoftTargetLoss as SoftTargetLoss
