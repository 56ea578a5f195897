"""One step of matching: both models once, and the loss that they give."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

import keras
from keras import ops

from keras_transfer import _private
from keras_transfer._private.types import Nested, Tensor
from keras_transfer.models.matching.cached_fit import SOURCE_FEATURES
from keras_transfer.models.matching.loss_weights import no_labels

if TYPE_CHECKING:
    from keras_transfer.models.matching.pairs import Pair


class MatchingStep:
    """Mixin of a model with `pairs`, `parts`, `target` and `loss_weights`.

    The weights are variables, so nothing has to be traced again where they are
    set.
    """

    # Whether the data of this `fit` have no labels.
    _is_unlabelled = False

    def _add_trackers(self) -> None:
        self._trackers = [
            keras.metrics.Mean(name=name) for name in _metric_names(self.pairs)
        ]
        self._matching_tracker = keras.metrics.Mean(name="matching_loss")
        self._task_tracker = keras.metrics.Mean(name="task_loss")

    @property
    def task_weight(self) -> float:
        """Weight of the compiled loss, a float that can be set."""
        return self._loss_weights.read("task")

    @task_weight.setter
    def task_weight(self, value: float) -> None:
        if self._is_unlabelled and value > 0:
            raise no_labels(value)
        _private.sync_state(self)
        self._loss_weights.write("task", value)

    @property
    def matching_weight(self) -> float:
        """Weight of all pairs together, a float that can be set."""
        return self._loss_weights.read("matching")

    @matching_weight.setter
    def matching_weight(self, value: float) -> None:
        _private.sync_state(self)
        self._loss_weights.write("matching", value)

    @property
    def pair_weights(self) -> list[float]:
        """Weight of each pair, a list of floats that can be set."""
        return self._loss_weights.read("pairs")

    @pair_weights.setter
    def pair_weights(self, values: Sequence[float]) -> None:
        _private.sync_state(self)
        self._loss_weights.write("pairs", values)
        for pair, weight in zip(self.pairs, values, strict=True):
            pair.weight = float(weight)

    @property
    def losses(self) -> list[Tensor]:
        # Not those of the source: nothing of it is to be regularised.
        if _private.losses_of_call(self):
            return _private.losses_of_call(self)
        parts = [self.target, *self.adapters]
        return [loss for part in parts for loss in part.losses]

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        # Without labels there is nothing that these could count.
        idle = set()
        if self._is_unlabelled or not _private.compiled_loss(self):
            compiled = _private.compiled_metrics(self)
            idle = {id(self._task_tracker), id(compiled)}
        return [m for m in super().metrics if id(m) not in idle]

    def call(self, inputs: Nested, training: bool | None = None) -> Tensor:
        given = None
        if isinstance(inputs, dict) and SOURCE_FEATURES in inputs:
            given, inputs = inputs[SOURCE_FEATURES], inputs["inputs"]
        output, source, target = self._parts.run(inputs, given, training)
        _hand_over(self, (source, self._parts.adapted(target, source)))
        return output

    def compute_loss(
        self,
        x: Nested = None,
        y: Nested = None,
        y_pred: Nested = None,
        sample_weight: Nested = None,
        training: bool = True,
    ) -> Tensor:
        source, target = _handed_over(self)
        # As Keras counts the loss: a small last batch for less.
        count = ops.shape(y_pred)[0]
        loss = self._loss_weights.matching * self._matching_loss(
            source, target, sample_weight, count
        )
        compiled = _private.compiled_loss(self)
        if y is not None and compiled is not None:
            task = compiled(y, y_pred, sample_weight)
            _count(self._task_tracker, task, count)
            loss = loss + self._loss_weights.task * task
        for each in self.losses:
            each = ops.cast(each, loss.dtype)
            loss = loss + _private.additional_loss(self, each)
        return self._penalized(loss)

    def _matching_loss(
        self,
        source: list[Tensor],
        target: list[Tensor],
        sample_weight: Tensor | None,
        count: Tensor,
    ) -> Tensor:
        total = 0.0
        for index, pair in enumerate(self.pairs):
            value = pair.loss(source[index], target[index], sample_weight)
            if pair.loss._couples_samples:
                # Keras scales the means of samples by itself.
                value = _private.additional_loss(self, value)
            _count(self._trackers[index], value, count)
            total = total + self._loss_weights.pairs[index] * value
        _count(self._matching_tracker, total, count)
        return total

    def compute_metrics(
        self, x: Nested, y: Nested, y_pred: Nested, sample_weight: Nested = None
    ) -> dict[str, Tensor]:
        if self._is_unlabelled:
            return self.get_metrics_result()
        return super().compute_metrics(x, y, y_pred, sample_weight)


def _metric_names(pairs: Sequence[Pair]) -> list[str]:
    """`match_...` for each pair, numbered where a target is in several."""
    names = []
    for pair in pairs:
        same = sum(
            each.target.name == pair.target.name for each in pairs[: len(names)]
        )
        number = f"_{same + 1}" if same else ""
        names.append(f"match_{pair.name}{number}")
    return names


def _count(tracker: keras.metrics.Metric, value: Tensor, count: Tensor) -> None:
    """Gives a tracker the mean of a batch (of a replica's batch)."""
    tracker.update_state(_private.unscaled_loss(value), sample_weight=count)


# From `call` to `compute_loss` of one step. By thread, since tf.distribute
# runs each replica in one of its own.
_BETWEEN = threading.local()


def _hand_over(
    model: keras.Model, features: tuple[list[Tensor], list[Tensor]]
) -> None:
    vars(_BETWEEN)[id(model)] = features  # type: ignore[index]


def _handed_over(model: keras.Model) -> tuple[list[Tensor], list[Tensor]]:
    return vars(_BETWEEN).pop(id(model))  # type: ignore[call-overload]
