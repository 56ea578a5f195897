"""L2-SP: a pull towards the pre-trained weights instead of towards zero."""

from typing import Any, Self

import keras
import numpy as np
from keras import ops

from keras_transfer._private.types import Tensor


@keras.saving.register_keras_serializable(package="keras_transfer")
class L2SP:
    """Weight decay towards the starting point of fine-tuning.

    Plain weight decay pulls pre-trained weights to zero, away from what the
    source model knows. L2-SP pulls them to where they started, and only the
    new head to zero:

        penalty = strength / 2 * sum((w - w_0) ** 2)       (backbone)
                + head_strength / 2 * sum(w ** 2)          (head)

    over everything that can train (kernels, biases, gamma and beta; not the
    statistics of batch norm). Use it for fine-tuning with few samples. With an
    optimizer that has decoupled weight decay (AdamW), set that to 0.

    Pass it to `TransferModel.compile(..., regularizer=L2SP(...))`. `w_0` are
    the weights at the first compile with a regularizer; later ones keep them,
    and a saved model holds them. The penalty is part of `loss` and `val_loss`
    and has its own metric, `l2sp`.

    Args:
        strength: of the pull to the starting point, at least 0. The paper
            searches 0.001 to 1 with SGD; 0.01 to 0.1 were best.
        head_strength: of the pull of the head to zero, at least 0. The paper
            has 0.01.

    Raises:
        ValueError: a strength that is negative or no number.

    Example:

    ```python
    model.compile("adam", "sparse_categorical_crossentropy",
                  regularizer=L2SP(strength=0.01, head_strength=0.01))
    ```

    Reference:
        Li, Grandvalet and Davoine 2018, Explicit Inductive Bias for Transfer
        Learning with Convolutional Networks.
    """

    def __init__(self, strength: float, head_strength: float):
        self.strength = _checked("strength", strength)
        self.head_strength = _checked("head_strength", head_strength)

    def __repr__(self) -> str:
        return (
            f"L2SP(strength={self.strength:g}, "
            f"head_strength={self.head_strength:g})"
        )

    def get_config(self) -> dict[str, Any]:
        return dict(vars(self))

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        return cls(**config)


class Penalty:
    """An `L2SP` with the weights it is about, and where they started.

    Args:
        regularizer: the `L2SP`.
        backbone: the variables that are pulled to where they are now.
        head: the variables that are pulled to zero.
        anchors: earlier anchors to keep, one for each of `backbone`.
    """

    def __init__(
        self,
        regularizer: L2SP,
        backbone: list[keras.Variable],
        head: list[keras.Variable],
        anchors: list[keras.Variable] | None = None,
    ):
        self.regularizer = regularizer
        self.backbone = list(backbone)
        self.head = list(head)
        self.anchors = anchors or [
            keras.Variable(
                ops.convert_to_numpy(v), dtype=v.dtype, trainable=False
            )
            for v in self.backbone
        ]

    def __call__(self) -> Tensor:
        """Returns the penalty, a float32 scalar."""
        pull = self.regularizer.strength / 2
        decay = self.regularizer.head_strength / 2
        to_start = [
            _sum_of_squares(ops.subtract(v, anchor))
            for v, anchor in zip(self.backbone, self.anchors, strict=True)
        ]
        to_zero = [_sum_of_squares(v) for v in self.head]
        return pull * _total(to_start) + decay * _total(to_zero)


def _sum_of_squares(tensor: Tensor) -> Tensor:
    return ops.sum(ops.square(ops.cast(tensor, "float32")))


def _total(numbers: list[Tensor]) -> Tensor:
    return ops.sum(ops.stack(numbers)) if numbers else 0.0


def _checked(name: str, strength: float) -> float:
    try:
        fits = not isinstance(strength, bool) and 0 <= float(strength) < np.inf
    except (TypeError, ValueError):
        fits = False
    if not fits:
        raise ValueError(
            f"`{name}` of L2SP is a number of at least 0. Received: "
            f"{name}={strength!r}. Usual values are 0.001 to 0.1."
        )
    return float(strength)
