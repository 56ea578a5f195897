"""The hint of FitNets: mean squared difference."""

import keras
from keras import ops

from keras_transfer._private.types import Tensor
from keras_transfer.losses.base import FeatureLoss, as_vectors


@keras.saving.register_keras_serializable(package="keras_transfer")
class HintLoss(FeatureLoss):
    """Mean squared difference of every feature (`"mse"`).

        d = mean((s - t) ** 2)          over positions and channels

    Use it after a `FeatureAdapter`, for feature maps that should be the same
    number by number. The paper has half the sum; the mean does not depend on
    the size of the map.

    Reference:
        Romero et al. 2015, FitNets: Hints for Thin Deep Nets.
    """

    def distance(self, source: Tensor, target: Tensor) -> Tensor:
        return ops.mean(as_vectors(ops.square(source - target)), axis=1)
