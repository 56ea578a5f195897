"""Decoupled knowledge distillation on logits."""

from typing import Any

import keras
from keras import ops

from keras_transfer._private.types import Dtype, Tensor
from keras_transfer.losses.base import FeatureLoss
from keras_transfer.losses.soft_targets import checked_temperature, divergence

# Far below any logit, and finite: it takes a class out of a softmax.
_OUT = -1e9


@keras.saving.register_keras_serializable(package="keras_transfer")
class DecoupledLoss(FeatureLoss):
    """Soft targets with the two halves weighted apart, on logits (`"dkd"`).

        d = T ** 2 * (alpha * KL(b_s || b_t) + beta * KL(r_s || r_t))

    `b = (p_c, 1 - p_c)` is how sure a model is of the class `c`, `r` the
    softmax over the other classes, both at temperature `T`. `alpha = 1` and
    `beta = 1 - p_c` would be `SoftTargetLoss`.

    In the paper `c` is the label. Give it by `y_true=(logits, labels)`; with
    the source's logits alone, and so on unlabelled data, it is the class that
    the source finds most likely.

    Args:
        alpha: weight of the first half.
        beta: weight of the second half; the paper has 0.5 to 8.
        temperature: above 0.
        reduction: as in `keras.losses.Loss`.
        name: name of the loss.
        dtype: as in `keras.losses.Loss`.

    Reference:
        Zhao et al. 2022, Decoupled Knowledge Distillation.
    """

    _takes_any_scale = False

    def __init__(
        self,
        alpha: float = 1.0,
        beta: float = 8.0,
        temperature: float = 4.0,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Dtype | None = None,
    ):
        super().__init__(reduction, name, dtype)
        self.alpha, self.beta = float(alpha), float(beta)
        self.temperature = checked_temperature(temperature)

    def call(
        self, y_true: Tensor | tuple[Tensor, Tensor], y_pred: Tensor
    ) -> Tensor:
        if not isinstance(y_true, tuple | list):
            return super().call(y_true, y_pred)
        logits, labels = y_true
        return self._at(ops.stop_gradient(logits), y_pred, labels)

    def distance(self, source: Tensor, target: Tensor) -> Tensor:
        return self._at(source, target, ops.argmax(source, axis=-1))

    def _at(self, source: Tensor, target: Tensor, labels: Tensor) -> Tensor:
        classes = ops.reshape(ops.cast(labels, "int32"), (-1,))
        chosen = ops.one_hot(classes, source.shape[-1], dtype=source.dtype)
        source, target = source / self.temperature, target / self.temperature
        sure = divergence(_binary(source, chosen), _binary(target, chosen))
        rest = divergence(
            ops.log_softmax(source + _OUT * chosen, axis=-1),
            ops.log_softmax(target + _OUT * chosen, axis=-1),
        )
        return self.temperature**2 * (self.alpha * sure + self.beta * rest)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "alpha": self.alpha,
            "beta": self.beta,
            "temperature": self.temperature,
        }


def _binary(logits: Tensor, chosen: Tensor) -> Tensor:
    """Logarithms of the probability of a class and of all the others."""
    total = ops.logsumexp(logits, axis=-1)
    inside = ops.sum(logits * chosen, axis=-1) - total
    outside = ops.logsumexp(logits + _OUT * chosen, axis=-1) - total
    return ops.stack([inside, outside], axis=-1)
