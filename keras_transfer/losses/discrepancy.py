"""Maximum mean discrepancy between two batches of features."""

import keras
from keras import ops

from keras_transfer._private.types import Tensor
from keras_transfer.losses.base import (
    BatchCoupledLoss,
    as_positions,
    squared_distances,
)


@keras.saving.register_keras_serializable(package="keras_transfer")
class MaximumMeanDiscrepancyLoss(BatchCoupledLoss):
    """Squared discrepancy of two distributions, several kernels (`"mmd"`).

        d = mean k(s, s') + mean k(t, t') - 2 mean k(s, t)
        k(a, b) = sum_i exp(-|a - b| ** 2 / (bandwidth * 2 ** i))

    for `i` from -2 to 2, with the mean squared distance between all samples
    of both sides for a bandwidth, in which nothing trains. Feature maps are
    averaged over their positions. It is the biased estimate, never below 0.

    Reference:
        Long et al. 2015, Learning Transferable Features with Deep Adaptation
        Networks.
    """

    agree = "channels"

    def distance(self, source: Tensor, target: Tensor) -> Tensor:
        source, target = averaged(source), averaged(target)
        rows = ops.concatenate([source, target], axis=0)
        squares = squared_distances(rows, rows)
        count = ops.cast(ops.shape(rows)[0], rows.dtype)
        bandwidth = ops.stop_gradient(
            ops.sum(squares) / ops.maximum(count * count - count, 1.0)
        )
        bandwidth = ops.maximum(bandwidth, 1e-12)
        kernels = sum(
            ops.exp(-squares / (bandwidth * 2.0**i)) for i in range(-2, 3)
        )
        half = ops.shape(source)[0]
        return (
            ops.mean(kernels[:half, :half])
            + ops.mean(kernels[half:, half:])
            - 2.0 * ops.mean(kernels[:half, half:])
        )


def averaged(features: Tensor) -> Tensor:
    """`(batch, ..., channels)` to `(batch, channels)`."""
    return ops.mean(as_positions(features), axis=1)
