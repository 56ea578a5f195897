"""Knowledge distillation on logits: soft targets."""

from typing import Any

import keras
from keras import ops

from keras_transfer._private.types import Dtype, Tensor
from keras_transfer.losses.base import FeatureLoss


@keras.saving.register_keras_serializable(package="keras_transfer")
class SoftTargetLoss(FeatureLoss):
    """Kullback-Leibler divergence at a temperature, on logits (`"kl"`).

        p = softmax(s / T), q = softmax(t / T)
        d = T ** 2 * sum_k p_k (log p_k - log q_k)

    `T ** 2` keeps the gradient's size when the temperature changes. Source and
    target need the same classes. The paper has the cross-entropy: that is
    this and the entropy of the source, in which nothing trains.

    Args:
        temperature: above 0; higher ones tell more of the unlikely classes.
        reduction: as in `keras.losses.Loss`.
        name: name of the loss.
        dtype: as in `keras.losses.Loss`.

    Reference:
        Hinton, Vinyals and Dean 2015, Distilling the Knowledge in a Neural
        Network.
    """

    _takes_any_scale = False

    def __init__(
        self,
        temperature: float = 4.0,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Dtype | None = None,
    ):
        super().__init__(reduction, name, dtype)
        self.temperature = checked_temperature(temperature)

    def distance(self, source: Tensor, target: Tensor) -> Tensor:
        log_p = ops.log_softmax(source / self.temperature, axis=-1)
        log_q = ops.log_softmax(target / self.temperature, axis=-1)
        return self.temperature**2 * divergence(log_p, log_q)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"temperature": self.temperature}


def divergence(log_p: Tensor, log_q: Tensor) -> Tensor:
    """Kullback-Leibler divergence of the last axis, summed over the others."""
    terms = ops.exp(log_p) * (log_p - log_q)
    return ops.sum(ops.reshape(terms, (ops.shape(terms)[0], -1)), axis=1)


def checked_temperature(temperature: float) -> float:
    """Returns a temperature as a float; raises if it is not above 0."""
    try:
        fits = 0 < float(temperature) < float("inf")
    except (TypeError, ValueError):
        fits = False
    if not fits:
        raise ValueError(
            "`temperature` is a number above 0. Received: "
            f"temperature={temperature!r}. Usual values are 2 to 8."
        )
    return float(temperature)
