"""Several calls of `fit` that are one training for the callbacks."""

from typing import Any

import keras

from keras_transfer.training.freezing import freeze_state


class ContinuedCallbackList(keras.callbacks.CallbackList):
    """A callback list whose training begins and ends once.

    `fit` calls `on_train_begin` and `on_train_end` of the list it is given;
    here they do nothing, and `begin` and `end` take their place.
    """

    _begun_epoch: int | None = None
    _last_logs: dict[str, float] | None = None

    def begin(self) -> None:
        super().on_train_begin()

    def end(self) -> None:
        super().on_train_end(self._last_logs)

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        pass

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        self._last_logs = logs

    def on_epoch_begin(
        self, epoch: int, logs: dict[str, float] | None = None
    ) -> None:
        # An epoch that was left before its first step has begun already.
        if epoch != self._begun_epoch:
            self._begun_epoch = epoch
            super().on_epoch_begin(epoch, logs)

    def set_params(self, params: dict[str, Any]) -> None:
        # `fit` asks for it once more with nothing.
        if params:
            super().set_params(params)


class DepthExceeded(Exception):  # noqa: N818 (a signal, not an error)
    """More blocks train than the activations at hand allow."""


class DepthWatch(keras.callbacks.Callback):
    """Ends a call of `fit` when its activations no longer fit the model.

    Comes last in the list, so that it sees what the others have set.

    Attributes:
        depth: blocks above the boundary of the activations.
        next_epoch: the epoch with which the next call of `fit` begins.
        moved: whether more blocks train than that after an epoch.
        went_deeper: whether they do when an epoch has begun.
    """

    def watch(self, depth: int, epoch: int) -> None:
        self.depth, self.next_epoch = depth, epoch
        self.moved = self.went_deeper = False

    def on_epoch_begin(
        self, epoch: int, logs: dict[str, float] | None = None
    ) -> None:
        if self._exceeded():
            self.went_deeper = True
            raise DepthExceeded

    def on_train_batch_begin(
        self, batch: int, logs: dict[str, float] | None = None
    ) -> None:
        if self._exceeded():
            depth = freeze_state(self.model).depth
            raise ValueError(
                "feature_cache= cannot follow a depth that changes within an "
                f"epoch. Received: {depth} trainable blocks before "
                f"batch {batch}, after {self.depth} when the epoch began. Set "
                "it when an epoch begins or ends, or leave feature_cache out."
            )

    def on_epoch_end(
        self, epoch: int, logs: dict[str, float] | None = None
    ) -> None:
        self.next_epoch = epoch + 1
        if not self.model.stop_training and self._exceeded():
            self.moved = True
            self.model.stop_training = True

    def _exceeded(self) -> bool:
        return freeze_state(self.model).depth > self.depth
