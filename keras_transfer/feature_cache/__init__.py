"""Activations at the frozen boundary, computed once and looked up after."""

from keras_transfer.feature_cache.boundary import between as between
from keras_transfer.feature_cache.boundary import boundary_at as boundary_at
from keras_transfer.feature_cache.building import build as build
from keras_transfer.feature_cache.cacheability import (
    draws_in_inference as draws_in_inference,
)
from keras_transfer.feature_cache.cacheability import (
    reasons_not_to_cache as reasons_not_to_cache,
)
from keras_transfer.feature_cache.cached import FEATURES as FEATURES
from keras_transfer.feature_cache.cached import CachedFeatures as CachedFeatures
from keras_transfer.feature_cache.features import (
    bytes_to_cache as bytes_to_cache,
)
from keras_transfer.feature_cache.features import features
from keras_transfer.feature_cache.settings import FeatureCache
from keras_transfer.feature_cache.settings import (
    as_feature_cache as as_feature_cache,
)

__all__ = ["FeatureCache", "features"]
