"""Attention transfer: where in the picture something happens."""

import keras
from keras import ops

from keras_transfer._private.types import Tensor
from keras_transfer.losses.base import FeatureLoss, as_positions, unit_length


@keras.saving.register_keras_serializable(package="keras_transfer")
class AttentionTransferLoss(FeatureLoss):
    """Difference between the maps of where features are large (`"attention"`).

        q = mean_c F ** 2, as a vector over positions
        d = mean((q_s / |q_s| - q_t / |q_t|) ** 2)

    The channels may differ. Use it for feature maps of images; of vectors
    there is one position, and the distance is zero.

    The paper adds half the Euclidean length of the difference; its published
    code takes the mean of the squares, as here.

    Reference:
        Zagoruyko and Komodakis 2017, Paying More Attention to Attention.
    """

    agree = "space"

    def distance(self, source: Tensor, target: Tensor) -> Tensor:
        return ops.mean(ops.square(_map(source) - _map(target)), axis=1)


def _map(features: Tensor) -> Tensor:
    energy = ops.mean(ops.square(as_positions(features)), axis=-1)
    return unit_length(energy, -1)
