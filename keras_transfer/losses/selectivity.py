"""Neuron selectivity transfer: what the neurons respond to, as a set."""

import keras
from keras import ops

from keras_transfer._private.types import Tensor
from keras_transfer.losses.base import FeatureLoss, as_positions, unit_length


@keras.saving.register_keras_serializable(package="keras_transfer")
class NeuronSelectivityLoss(FeatureLoss):
    """Maximum mean discrepancy between the sets of channel maps (`"nst"`).

        f = F[..., c] / |F[..., c]|             a unit vector over positions
        k(a, b) = <a, b> ** 2
        d = mean k(f_s, f_s') + mean k(f_t, f_t') - 2 mean k(f_s, f_t)

    The means run over all pairs of channels, whose numbers may differ. Use it
    for feature maps of images. The published code leaves out the first term,
    in which nothing trains; the gradient is the same.

    Reference:
        Huang and Wang 2017, Like What You Like: Knowledge Distill via Neuron
        Selectivity Transfer.
    """

    agree = "space"

    def distance(self, source: Tensor, target: Tensor) -> Tensor:
        source = unit_length(as_positions(source), 1)
        target = unit_length(as_positions(target), 1)
        return (
            _kernel(source, source)
            + _kernel(target, target)
            - 2.0 * _kernel(source, target)
        )


def _kernel(a: Tensor, b: Tensor) -> Tensor:
    products = ops.matmul(ops.transpose(a, (0, 2, 1)), b)
    return ops.mean(ops.square(products), axis=(1, 2))
