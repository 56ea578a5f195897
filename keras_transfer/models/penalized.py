"""A model whose loss may hold an `L2SP` penalty."""

from collections.abc import Mapping, MutableMapping
from typing import Any

import keras

from keras_transfer import _private
from keras_transfer._private.types import Nested, Tensor
from keras_transfer.training import freezing
from keras_transfer.training.regularizers import L2SP, Penalty

# Begins the names of the starting point in a file of weights.
_ANCHOR = "anchor_"


class PenalizedModel:
    """Part of models that `compile(..., regularizer=L2SP(...))` is for.

    A mixin before `keras.Model`: Keras rewrites the bases of a functional
    model, and a base that is a `keras.Model` with them.

    Adds the penalty to the loss, gives it a metric, and takes the starting
    point through files. It is no part of the weights: a model with a penalty
    exports and copies as one without. Subclasses have a `head` layer, and call
    `_penalty_of` and `_use_penalty` around `keras.Model.compile`.
    """

    _penalty: Penalty | None = None
    _penalty_tracker = None

    def _penalty_of(self, regularizer: L2SP | None) -> Penalty | None:
        """Returns a `Penalty`, or `None` without a regularizer.

        Raises:
            ValueError: it is anything but an `L2SP`.
        """
        if regularizer is None:
            return None
        if not isinstance(regularizer, L2SP):
            raise ValueError(
                "`regularizer` of compile is an L2SP. Received: "
                f"{regularizer!r}. Expected for example "
                "L2SP(strength=0.01, head_strength=0.01). Regularizers of "
                "single layers are arguments of those layers."
            )
        head = {id(v) for v in self.head.variables}
        candidates = freezing.trainable_candidates(self)
        return Penalty(
            regularizer,
            backbone=[v for v in candidates if id(v) not in head],
            head=[v for v in candidates if id(v) in head],
            anchors=self._penalty_variables,
        )

    def _use_penalty(self, penalty: Penalty | None) -> None:
        """Makes `penalty` part of the loss from now on; `None` ends it."""
        self._penalty = penalty
        if penalty is not None and self._penalty_tracker is None:
            self._penalty_tracker = keras.metrics.Mean(name="l2sp")

    @property
    def regularizer(self) -> L2SP | None:
        """The `L2SP` that the model was compiled with, or `None`."""
        return None if self._penalty is None else self._penalty.regularizer

    @property
    def _penalty_variables(self) -> list[keras.Variable]:
        """The weights to which an `L2SP` pulls; empty without one."""
        return [] if self._penalty is None else self._penalty.anchors

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        tracker = None if self._penalty is not None else self._penalty_tracker
        return [metric for metric in super().metrics if metric is not tracker]

    def compute_loss(
        self,
        x: Nested = None,
        y: Nested = None,
        y_pred: Nested = None,
        sample_weight: Nested = None,
        training: bool = True,
    ) -> Tensor:
        loss = super().compute_loss(x, y, y_pred, sample_weight, training)
        return self._penalized(loss)

    def _penalized(self, loss: Tensor) -> Tensor:
        """Returns a loss with the penalty, if there is one."""
        if self._penalty is None:
            return loss
        penalty = self._penalty()
        self._penalty_tracker.update_state(penalty)
        return loss + _private.additional_loss(self, penalty)

    def get_compile_config(self) -> dict[str, Any] | None:
        config = super().get_compile_config()
        if config and self._penalty is not None:
            config["regularizer"] = keras.saving.serialize_keras_object(
                self._penalty.regularizer
            )
        return config

    def save_own_variables(self, store: MutableMapping) -> None:
        super().save_own_variables(store)
        for index, anchor in enumerate(self._penalty_variables):
            store[f"{_ANCHOR}{index}"] = anchor

    def load_own_variables(self, store: Mapping) -> None:
        names = set(store.keys())
        anchors = {name for name in names if name.startswith(_ANCHOR)}
        super().load_own_variables({k: store[k] for k in names - anchors})
        for index, anchor in enumerate(self._penalty_variables):
            if f"{_ANCHOR}{index}" in anchors:
                anchor.assign(store[f"{_ANCHOR}{index}"])
