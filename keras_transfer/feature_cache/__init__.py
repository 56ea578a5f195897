"""Activations at the frozen boundary, computed once and looked up after."""

from keras_transfer.feature_cache.boundary import between, boundary_at
from keras_transfer.feature_cache.building import build
from keras_transfer.feature_cache.cacheability import (
    draws_in_inference,
    reasons_not_to_cache,
)
from keras_transfer.feature_cache.cached import FEATURES, CachedFeatures
from keras_transfer.feature_cache.features import bytes_to_cache, features
from keras_transfer.feature_cache.settings import FeatureCache, as_feature_cache

__all__ = [
    "FEATURES",
    "CachedFeatures",
    "FeatureCache",
    "as_feature_cache",
    "between",
    "boundary_at",
    "build",
    "bytes_to_cache",
    "draws_in_inference",
    "features",
    "reasons_not_to_cache",
]
