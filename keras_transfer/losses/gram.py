"""Which features appear together: Gram matrices."""

import keras
from keras import ops

from keras_transfer._private.types import Tensor
from keras_transfer.losses.base import FeatureLoss, as_positions


@keras.saving.register_keras_serializable(package="keras_transfer")
class GramLoss(FeatureLoss):
    """Mean squared difference of the Gram matrices (`"gram"`).

        G = F^T F / P          (channels x channels, P positions)
        d = mean((G_s - G_t) ** 2)

    The number of positions may differ. What is compared is which channels are
    active together, not where. Gatys et al. have the sum over `4 C^2 P^2`
    with `F^T F` not divided; ours is that sum times 4, with each side divided
    by its own `P`.

    Reference:
        Gatys, Ecker and Bethge 2016, Image Style Transfer Using Convolutional
        Neural Networks.
    """

    agree = "channels"

    def distance(self, source: Tensor, target: Tensor) -> Tensor:
        difference = _gram(source) - _gram(target)
        return ops.mean(ops.square(difference), axis=(1, 2))


def _gram(features: Tensor) -> Tensor:
    rows = as_positions(features)
    positions = ops.cast(ops.shape(rows)[1], rows.dtype)
    return ops.matmul(ops.transpose(rows, (0, 2, 1)), rows) / positions
