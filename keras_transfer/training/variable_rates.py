"""The learning rate of each variable, at each step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import keras
import numpy as np
from keras import ops

from keras_transfer._private.types import Tensor
from keras_transfer.training.bias_correction import Factor

if TYPE_CHECKING:
    from keras_transfer.training.layerwise_optimizer import LayerwiseOptimizer


class VariableRates:
    """The rate of each variable: the optimizer's, times block and age.

    Args:
        optimizer: the `LayerwiseOptimizer`, which counts steps.
        missed: its variable of the steps that each variable has missed.
        factors: the factor of each variable's block.
        correction: `factor(age, step)` of `bias_correction`, or `None`.
        corrected: array of whether the correction is for each variable.
    """

    def __init__(
        self,
        optimizer: LayerwiseOptimizer,
        missed: keras.Variable,
        factors: Sequence[float],
        correction: Factor | None,
        corrected: np.ndarray,
    ):
        self.optimizer, self.missed = optimizer, missed
        self.factors = factors
        self.correction = correction
        self.corrected = corrected
        self._known_missed: list | None = None

    def of_all(self, learning_rate: Tensor) -> list[Tensor]:
        """One rate a variable, in the graph."""
        factors = np.array(self.factors, "float32")
        rates = ops.cast(learning_rate, "float32") * factors
        if self.correction is not None:
            missed = self.missed * self.corrected.astype("int32")
            rates = rates * self._ratio(missed)
        return ops.unstack(rates, num=len(self.factors))

    def of_groups(
        self, indices: Iterable[int], learning_rate: Tensor
    ) -> Iterator[tuple[list[int], Tensor]]:
        """Pairs `(indices, rate)`, for backends that run eagerly."""
        if self._known_missed is None:
            missed = ops.convert_to_numpy(self.missed)
            use = self.corrected & (self.correction is not None)
            self._known_missed = np.where(use, missed, 0).tolist()
        groups = {}
        for index in indices:
            key = self.factors[index], self._known_missed[index]
            groups.setdefault(key, []).append(index)
        for (factor, missed), members in groups.items():
            rate = learning_rate * factor
            yield members, rate * self._ratio(missed) if missed else rate

    def forget_groups(self) -> None:
        """To be called when the optimizer's state was changed from outside."""
        self._known_missed = None

    def _ratio(self, missed: Tensor) -> Tensor:
        step = ops.cast(self.optimizer.iterations + 1, "float32")
        age = ops.maximum(step - ops.cast(missed, "float32"), 1.0)
        ratio = self.correction(age, step)  # type: ignore[misc]
        # Equal powers of a tensor and a number may differ in the last bit.
        return ops.where(ops.equal(missed, 0), 1.0, ratio)
