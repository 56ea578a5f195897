"""Models that transfer."""

from keras_transfer.models.feature_matcher import (
    FeatureMatcher as FeatureMatcher,
)
from keras_transfer.models.transfer_model import TransferModel as TransferModel
