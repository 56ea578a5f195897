"""The weights of a matcher's loss, which a schedule may move."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import ArrayLike

from keras_transfer._private.types import Nested


def no_labels(weight: float) -> ValueError:
    """The error for data without labels."""
    return ValueError(
        "The data have no labels, and the loss of the labels has a weight. "
        f"Received: task_weight={weight:g}. Expected (x, y), or task_weight=0 "
        "to match features alone: FeatureMatcher(..., task_weight=0)."
    )


class LossWeights(keras.layers.Layer):
    """The weights of a matcher's loss, as variables that never train.

    Args:
        task: weight of the task's loss.
        matching: weight of the matching loss.
        pairs: weights of the pairs.
    """

    def __init__(
        self,
        task: float,
        matching: float,
        pairs: Sequence[float],
        **kwargs: Any,
    ):
        super().__init__(name="loss_weights", **kwargs)
        given: dict[str, Any] = {
            "task": task,
            "matching": matching,
            "pairs": pairs,
        }
        for name, value in given.items():
            value = _checked_weight(name, value)
            variable = self.add_weight(
                shape=value.shape, initializer="zeros", dtype="float32",
                trainable=False, name=name,
            )  # fmt: skip
            variable.assign(value)
            setattr(self, name, variable)
        self.built = True

    def read(self, name: str) -> Nested:
        """A weight as Python numbers."""
        return ops.convert_to_numpy(getattr(self, name)).tolist()

    def write(self, name: str, value: ArrayLike) -> None:
        """Sets a weight; what is traced already follows."""
        variable = getattr(self, name)
        value = _checked_weight(name, value)
        if value.shape != tuple(variable.shape):
            raise ValueError(
                f"There are {variable.shape[0]} pairs. Received: "
                f"{value.size} weights."
            )
        variable.assign(value)


def _checked_weight(name: str, value: ArrayLike) -> np.ndarray:
    try:
        array = np.asarray(value, "float32")
        fits = bool((np.isfinite(array) & (array >= 0)).all())
        fits = fits and array.ndim == (1 if name == "pairs" else 0)
    except (TypeError, ValueError):
        fits = False
    if not fits:
        kind = "weights of the pairs" if name == "pairs" else f"{name}_weight"
        raise ValueError(
            f"The {kind} of a FeatureMatcher must be numbers of at least 0. "
            f"Received: {value!r}."
        )
    return array
