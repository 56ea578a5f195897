"""Correlation alignment: second moments of two batches of features."""

import keras
from keras import ops

from keras_transfer._private.types import Tensor
from keras_transfer.losses.base import BatchCoupledLoss
from keras_transfer.losses.discrepancy import averaged


@keras.saving.register_keras_serializable(package="keras_transfer")
class CoralLoss(BatchCoupledLoss):
    """Difference of the covariances of the features (`"coral"`).

        d = sum((C_s - C_t) ** 2) / (4 * channels ** 2)

    with the covariance `C` over the samples of a batch (divided by
    `batch - 1`). Feature maps are averaged over their positions.

    Reference:
        Sun and Saenko 2016, Deep CORAL: Correlation Alignment for Deep Domain
        Adaptation.
    """

    agree = "channels"

    def distance(self, source: Tensor, target: Tensor) -> Tensor:
        difference = _covariance(averaged(source)) - _covariance(
            averaged(target)
        )
        return ops.mean(ops.square(difference)) / 4.0


def _covariance(rows: Tensor) -> Tensor:
    rows = rows - ops.mean(rows, axis=0, keepdims=True)
    count = ops.cast(ops.shape(rows)[0], rows.dtype)
    products = ops.matmul(ops.transpose(rows), rows)
    return products / ops.maximum(count - 1.0, 1.0)
