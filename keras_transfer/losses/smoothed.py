"""Cross-entropy with smoothed labels, from integer labels."""

from typing import Any

import keras
from keras import ops

from keras_transfer._private.types import Dtype, Tensor


@keras.saving.register_keras_serializable(package="keras_transfer")
class SmoothedCrossentropy(keras.losses.Loss):
    """Cross-entropy towards labels that are not quite sure.

        l = -(1 - a) log p_y - a / K sum_k log p_k

    `keras.losses.CategoricalCrossentropy(label_smoothing=a)` on integer labels
    `(batch,)` and probabilities `(batch, K)`.

    Args:
        amount: `a`, from 0 up to but not 1.
        reduction: as in `keras.losses.Loss`.
        name: name of the loss.
        dtype: as in `keras.losses.Loss`.

    Raises:
        ValueError: an amount out of range.

    Reference:
        Szegedy et al. 2016, Rethinking the Inception Architecture.
    """

    def __init__(
        self,
        amount: float = 0.1,
        reduction: str = "sum_over_batch_size",
        name: str = "smoothed_crossentropy",
        dtype: Dtype | None = None,
    ):
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        if not 0 <= amount < 1:
            raise ValueError(
                "`amount` is the share of a label that is spread over all "
                f"classes, from 0 up to but not 1. Received: {amount!r}."
            )
        self.amount = float(amount)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        labels = ops.reshape(ops.cast(y_true, "int32"), (-1,))
        # As in Keras' own: what is 0 has no logarithm.
        epsilon = keras.config.epsilon()
        logs = ops.log(ops.clip(y_pred, epsilon, 1.0 - epsilon))
        own = ops.take_along_axis(logs, labels[:, None], axis=-1)[:, 0]
        return -(
            (1 - self.amount) * own + self.amount * ops.mean(logs, axis=-1)
        )

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"amount": self.amount}
