"""Models that transfer."""

from keras_transfer.models.matching.feature_matcher import FeatureMatcher
from keras_transfer.models.transfer.transfer_model import TransferModel

__all__ = ["FeatureMatcher", "TransferModel"]
