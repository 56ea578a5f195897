"""Similarity preserving: which samples look alike."""

import keras
from keras import ops

from keras_transfer._private.types import Tensor
from keras_transfer.losses.base import (
    BatchCoupledLoss,
    as_vectors,
    unit_length,
)


@keras.saving.register_keras_serializable(package="keras_transfer")
class SimilarityPreservingLoss(BatchCoupledLoss):
    """Difference of the similarities between samples (`"similarity"`).

        Q = the features of a sample as a row, G = Q Q^T, rows of length 1
        d = sum((G_s - G_t) ** 2) / batch ** 2

    Any two shapes can be compared. Use it across architectures.

    Reference:
        Tung and Mori 2019, Similarity-Preserving Knowledge Distillation.
    """

    def distance(self, source: Tensor, target: Tensor) -> Tensor:
        difference = _similarities(source) - _similarities(target)
        return ops.mean(ops.square(difference))


def _similarities(features: Tensor) -> Tensor:
    rows = as_vectors(features)
    return unit_length(ops.matmul(rows, ops.transpose(rows)), 1)
