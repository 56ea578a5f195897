"""Relational knowledge distillation: distances and angles between samples."""

import keras
from keras import ops

from keras_transfer._private.types import Tensor
from keras_transfer.losses.base import (
    BatchCoupledLoss,
    as_vectors,
    squared_distances,
)

# Share of the mean squared length below which two samples are the same: what
# is left of their distance is rounding.
_SAME = 1e-6


@keras.saving.register_keras_serializable(package="keras_transfer")
class RelationalDistanceLoss(BatchCoupledLoss):
    """Difference of the distances between samples (`"rkd_distance"`).

        D_ij = |x_i - x_j| / mean of those that are not 0
        d = mean_ij huber(D_s - D_t)

    with `huber(e) = e ** 2 / 2` up to 1 and `|e| - 1/2` beyond. Any two
    shapes can be compared. The paper sums over the pairs; its published code
    takes the mean over all `batch ** 2`, as here.

    Reference:
        Park et al. 2019, Relational Knowledge Distillation.
    """

    def distance(self, source: Tensor, target: Tensor) -> Tensor:
        return ops.mean(_huber(_distances(source) - _distances(target)))


@keras.saving.register_keras_serializable(package="keras_transfer")
class RelationalAngleLoss(BatchCoupledLoss):
    """Difference of the angles in triplets of samples (`"rkd_angle"`).

        A_ijk = cos of the angle at x_i between x_j and x_k
        d = mean_ijk huber(A_s - A_t)

    Any two shapes can be compared; `batch ** 3` numbers are held, whatever the
    number of features. The paper weights it twice as much as the distances.

    Reference:
        Park et al. 2019, Relational Knowledge Distillation.
    """

    def distance(self, source: Tensor, target: Tensor) -> Tensor:
        return ops.mean(_huber(_angles(source) - _angles(target)))


def _distances(features: Tensor) -> Tensor:
    rows = as_vectors(features)
    squares = squared_distances(rows, rows)
    # The diagonal is 0 up to rounding, whose root would not be.
    apart = 1.0 - ops.eye(ops.shape(rows)[0], dtype=rows.dtype)
    distances = ops.sqrt(ops.maximum(squares, 1e-12)) * apart
    distances = ops.where(squares > 1e-12, distances, 0.0)
    counted = ops.sum(ops.cast(distances > 0, rows.dtype))
    mean = ops.sum(distances) / ops.maximum(counted, 1.0)
    return distances / ops.maximum(mean, 1e-12)


def _angles(features: Tensor) -> Tensor:
    rows = as_vectors(features)
    # <x_j - x_i, x_k - x_i> by products of samples: no array has both three
    # samples and the features. Centred, so that little is lost to rounding.
    rows = rows - ops.mean(rows, axis=0, keepdims=True)
    products = ops.matmul(rows, ops.transpose(rows))
    own = ops.diagonal(products)
    turned = (
        products[None, :, :]
        - products[:, :, None]
        - products[:, None, :]
        + own[:, None, None]
    )
    squares = own[:, None] + own[None, :] - 2.0 * products
    apart = squares > _SAME * ops.mean(own)
    lengths = ops.sqrt(ops.where(apart, squares, 1.0))
    inverse = ops.where(apart, 1.0 / lengths, 0.0)
    return turned * inverse[:, :, None] * inverse[:, None, :]


def _huber(error: Tensor) -> Tensor:
    size = ops.abs(error)
    return ops.where(size < 1.0, 0.5 * ops.square(error), size - 0.5)
