"""Models that transfer."""

from keras_transfer.models.matching.feature_matcher import (
    FeatureMatcher as FeatureMatcher,
)
from keras_transfer.models.transfer.transfer_model import (
    TransferModel as TransferModel,
)
