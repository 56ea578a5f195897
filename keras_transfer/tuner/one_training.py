"""Several calls of `fit` as one training, to the callbacks of a trial."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import keras

_NOT_LOGGED = float("nan")


class OneTraining:
    """Shows the stages of a trial to callbacks as the epochs of one `fit`.

    A solved head is an epoch of its own, before those that train. Epochs are
    counted on from stage to stage.

    Args:
        model: the model.
        callbacks: those of KerasTuner and of the user.
        first_epoch: number of the first epoch.

    Attributes:
        history: the `History` of all epochs; what only some of them log is
            NaN in the others.
        stages: the name of the stage of each epoch.
        has_stopped: whether a callback has asked to end the training.
    """

    def __init__(
        self,
        model: keras.Model,
        callbacks: Iterable[keras.callbacks.Callback],
        first_epoch: int = 0,
    ):
        self.model, self.callbacks = model, list(callbacks)
        self.history = keras.callbacks.History()
        self.stages, self.next_epoch = [], first_epoch
        self.has_stopped = False

    def begin(self) -> None:
        """Tells the callbacks that the training begins."""
        for callback in [self.history, *self.callbacks]:
            callback.set_model(self.model)
            callback.set_params({"epochs": None, "steps": None, "verbose": 0})
        self.history.on_train_begin()
        self.tell("on_train_begin")

    def add(self, stage: str, logs: Mapping[str, float]) -> None:
        """Adds an epoch in which nothing was trained by steps."""
        self.tell("on_epoch_begin", self.next_epoch)
        self._end_epoch(stage, self.next_epoch, logs)

    def stage(self, name: str) -> keras.callbacks.Callback:
        """Returns the callback that shows a `fit` as the stage of that name."""
        return _Stage(self, name)

    def end(self) -> keras.callbacks.History:
        """Tells the callbacks that the training has ended.

        Returns:
            The `keras.callbacks.History`.
        """
        self.tell("on_train_end")
        self.model.history = self.history
        return self.history

    def tell(self, event: str, *values: object) -> None:
        for callback in self.callbacks:
            getattr(callback, event)(*values)

    def _end_epoch(
        self, stage: str, epoch: int, logs: Mapping[str, float] | None
    ) -> None:
        logs = {name: float(value) for name, value in (logs or {}).items()}
        self.model.stop_training = False
        self.tell("on_epoch_end", epoch, logs)
        self.has_stopped |= bool(self.model.stop_training)
        self._note(epoch, logs)
        self.stages.append(stage)
        self.next_epoch = epoch + 1

    def _note(self, epoch: int, logs: Mapping[str, float]) -> None:
        columns, before = self.history.history, len(self.history.epoch)
        for name in logs:
            columns.setdefault(name, [_NOT_LOGGED] * before)
        self.history.epoch.append(epoch)
        for name, values in columns.items():
            values.append(logs.get(name, _NOT_LOGGED))


class _Stage(keras.callbacks.Callback):
    """Passes on what happens in one `fit`, under the numbers of all."""

    def __init__(self, training: OneTraining, name: str):
        super().__init__()
        self.training, self.name = training, name

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        self._shift = self.training.next_epoch

    def on_epoch_begin(
        self, epoch: int, logs: dict[str, float] | None = None
    ) -> None:
        self.training.tell("on_epoch_begin", epoch + self._shift, logs)

    def on_epoch_end(
        self, epoch: int, logs: dict[str, float] | None = None
    ) -> None:
        has_stopped = self.model.stop_training
        self.training._end_epoch(self.name, epoch + self._shift, logs)
        self.model.stop_training = has_stopped or self.training.has_stopped

    def on_train_batch_begin(
        self, batch: int, logs: dict[str, float] | None = None
    ) -> None:
        self.training.tell("on_train_batch_begin", batch, logs)

    def on_train_batch_end(
        self, batch: int, logs: dict[str, float] | None = None
    ) -> None:
        self.training.tell("on_train_batch_end", batch, logs)

    def on_test_begin(self, logs: dict[str, float] | None = None) -> None:
        self.training.tell("on_test_begin", logs)

    def on_test_end(self, logs: dict[str, float] | None = None) -> None:
        self.training.tell("on_test_end", logs)

    def on_test_batch_begin(
        self, batch: int, logs: dict[str, float] | None = None
    ) -> None:
        self.training.tell("on_test_batch_begin", batch, logs)

    def on_test_batch_end(
        self, batch: int, logs: dict[str, float] | None = None
    ) -> None:
        self.training.tell("on_test_batch_end", batch, logs)
