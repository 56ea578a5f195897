"""Keras layers that a transfer model is built from."""

from keras_transfer.layers.adapter import FeatureAdapter
from keras_transfer.layers.augmentation import (
    augmentation_layer as augmentation_layer,
)
from keras_transfer.layers.feature_levels import (
    FeatureLevels as FeatureLevels,
)
from keras_transfer.layers.feature_levels import (
    FeatureScaling as FeatureScaling,
)
from keras_transfer.layers.feature_levels import LevelPooling as LevelPooling
from keras_transfer.layers.feature_pooling import (
    FeaturePooling as FeaturePooling,
)
from keras_transfer.layers.head import ClassificationHead, RegressionHead
from keras_transfer.layers.head_part import HeadPart as HeadPart
from keras_transfer.layers.preprocessing import ImageNetPreprocessing
from keras_transfer.layers.training_only import TrainingOnly

__all__ = [
    "ClassificationHead",
    "FeatureAdapter",
    "ImageNetPreprocessing",
    "RegressionHead",
    "TrainingOnly",
]
