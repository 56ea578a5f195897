"""Relational knowledge distillation: distances and angles between samples."""

import keras
from keras import ops

from keras_transfer.losses.base import (
    BatchCoupledLoss,
    as_vectors,
    squared_distances,
    unit_length,
)


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

    def distance(self, source, target):
        return ops.mean(_huber(_distances(source) - _distances(target)))


@keras.saving.register_keras_serializable(package="keras_transfer")
class RelationalAngleLoss(BatchCoupledLoss):
    """Difference of the angles in triplets of samples (`"rkd_angle"`).

        A_ijk = cos of the angle at x_i between x_j and x_k
        d = mean_ijk huber(A_s - A_t)

    Any two shapes can be compared; `batch ** 3` numbers are held. The paper
    weights it twice as much as the distances.

    Reference:
        Park et al. 2019, Relational Knowledge Distillation.
    """

    def distance(self, source, target):
        return ops.mean(_huber(_angles(source) - _angles(target)))


def _distances(features):
    rows = as_vectors(features)
    squares = squared_distances(rows, rows)
    # The diagonal is 0 up to rounding, whose root would not be.
    apart = 1.0 - ops.eye(ops.shape(rows)[0], dtype=rows.dtype)
    distances = ops.sqrt(ops.maximum(squares, 1e-12)) * apart
    distances = ops.where(squares > 1e-12, distances, 0.0)
    counted = ops.sum(ops.cast(distances > 0, rows.dtype))
    mean = ops.sum(distances) / ops.maximum(counted, 1.0)
    return distances / ops.maximum(mean, 1e-12)


def _angles(features):
    rows = as_vectors(features)
    # From i to j: (i, j, features).
    directions = unit_length(rows[None, :, :] - rows[:, None, :], -1)
    return ops.matmul(directions, ops.transpose(directions, (0, 2, 1)))


def _huber(error):
    size = ops.abs(error)
    return ops.where(size < 1.0, 0.5 * ops.square(error), size - 0.5)
