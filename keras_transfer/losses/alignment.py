"""Linear centred kernel alignment."""

import keras
from keras import ops

from keras_transfer._private.types import Tensor
from keras_transfer.losses.base import BatchCoupledLoss, as_vectors


@keras.saving.register_keras_serializable(package="keras_transfer")
class LinearCKALoss(BatchCoupledLoss):
    """One minus linear centred kernel alignment (`"cka"`).

        CKA = |Y^T X|_F ** 2 / (|X^T X|_F |Y^T Y|_F)
        d = 1 - CKA

    with the features of a sample as a row of `X` and `Y` and every column of
    mean 0. From 0 to 1, whatever rotation or scale the features are in. Any
    two shapes can be compared. With few samples and many features CKA is near
    1 for anything (it is biased); use large batches.

    Reference:
        Kornblith et al. 2019, Similarity of Neural Network Representations
        Revisited.
    """

    def distance(self, source: Tensor, target: Tensor) -> Tensor:
        a, b = centred_gram(source), centred_gram(target)
        squares = ops.sum(ops.square(a)) * ops.sum(ops.square(b))
        scale = ops.sqrt(ops.maximum(squares, 1e-24))
        return 1.0 - ops.sum(a * b) / scale


def centred_gram(features: Tensor) -> Tensor:
    """Inner products between the samples once every feature has mean 0."""
    rows = as_vectors(features)
    rows = rows - ops.mean(rows, axis=0, keepdims=True)
    # One scale for both sides of the quotient, against overflow.
    size = ops.sqrt(ops.mean(ops.square(rows)))
    rows = rows / ops.stop_gradient(ops.maximum(size, 1e-12))
    width = ops.cast(ops.shape(rows)[-1], rows.dtype)
    return ops.matmul(rows, ops.transpose(rows)) / width
