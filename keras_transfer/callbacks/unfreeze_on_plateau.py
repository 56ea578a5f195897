"""`UnfreezeOnPlateau`: more blocks train when validation stops improving."""

import math

import keras

from keras_transfer import _private
from keras_transfer._private.types import Verbose
from keras_transfer.callbacks.run_aware import RunAwareCallback
from keras_transfer.storage.printing import brief, show
from keras_transfer.training.freezing import freeze_state, set_trainable_depth
from keras_transfer.training.schedules import at_least, checked_depth


class UnfreezeOnPlateau(RunAwareCallback):
    """Lets more blocks train when a quantity has stopped improving.

    Use it when you do not know beforehand how long the head needs. The order
    of the arguments, and what they mean, is that of `ReduceLROnPlateau`.

    With `EarlyStopping`: both count the epochs without improvement, and this
    callback starts its count again after it has unfrozen, while
    `EarlyStopping` does not. Give `EarlyStopping` a patience of more than
    `patience` plus the epochs that you grant the new blocks; the training then
    stops when unfreezing has not helped. With `ReduceLROnPlateau`, let its
    patience be the smaller one to try a lower rate before more blocks.

    Args:
        monitor: name of the quantity in the logs.
        blocks: how many blocks join at a time.
        patience: epochs without improvement after which they join.
        verbose: 1 prints each change.
        mode: `"min"`, `"max"`, or `"auto"`, by the metric's own direction.
        min_delta: smallest change that counts as an improvement.
        cooldown: epochs to wait after a change before counting again.
        max_blocks: most blocks that ever train; `None` is all.

    Raises:
        ValueError: arguments out of range; when training begins, if the model
            has fewer blocks than `max_blocks`; after the first batch, if the
            quantity cannot be there; and if it is not a number.

    Example:

    ```python
    plateau = UnfreezeOnPlateau(patience=2)
    model.fit(train, validation_data=validation, callbacks=[plateau])
    ```
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        blocks: int = 1,
        patience: int = 10,
        verbose: Verbose = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        max_blocks: int | None = None,
    ):
        super().__init__()
        at_least(1, blocks, "blocks", of=" of UnfreezeOnPlateau")
        at_least(0, patience, "patience", of=" of UnfreezeOnPlateau")
        at_least(0, cooldown, "cooldown", of=" of UnfreezeOnPlateau")
        if mode not in ("auto", "min", "max"):
            raise ValueError(
                "UnfreezeOnPlateau got an unknown mode. Received: "
                f"mode={mode!r}. Expected 'auto', 'min' or 'max'."
            )
        self.monitor = monitor
        self.blocks = blocks
        self.patience = patience
        self.verbose = verbose
        self.mode = mode
        self.min_delta = abs(min_delta)
        self.cooldown = cooldown
        self.max_blocks = max_blocks
        self._reset()

    def _reset(self) -> None:
        self.best: float | None = None
        self.wait = 0
        self.cooldown_counter = 0
        self._sign = {"auto": None, "min": -1, "max": 1}[self.mode]
        self._has_looked = False

    def __repr__(self) -> str:
        return brief(
            self,
            self.monitor,
            f"patience {self.patience}",
            f"blocks {self.blocks}",
        )

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        self._reset()
        state = freeze_state(self.model)
        if self.max_blocks is not None:
            what = "`max_blocks` of UnfreezeOnPlateau"
            checked_depth(self.max_blocks, len(state.blocks), what)
        # Also lets the optimizer know all that may join.
        set_trainable_depth(self.model, state.depth)
        if self._run and not self._run.validates and self._is_validation:
            raise ValueError(
                f"UnfreezeOnPlateau watches '{self.monitor}', and there are "
                "no validation data. Pass validation_data= or "
                "validation_split= to fit, or monitor='loss'."
            )

    @property
    def _is_validation(self) -> bool:
        return self.monitor.startswith("val_")

    def on_train_batch_end(
        self, batch: int, logs: dict[str, float] | None = None
    ) -> None:
        # The first call comes with a higher number than 0 where several steps
        # are run at once.
        if self._sign is None or not self._has_looked:
            self._has_looked = True
            self._learn_direction(logs or {})

    def _learn_direction(self, logs: dict[str, float]) -> None:
        known = self.monitor.removeprefix("val_") in logs
        if not known and self._run and not self._others_may_log():
            raise self._missing(logs)
        if self._sign is None and known:
            self._sign = self._own_direction()

    def _own_direction(self) -> int:
        try:
            higher = _private.is_higher_better(self.model, self.monitor)
        except ValueError as error:
            raise ValueError(
                f"UnfreezeOnPlateau watches '{self.monitor}', and Keras does "
                "not know whether it should rise or fall. Received: "
                f"mode={self.mode!r}. Expected mode='max' or mode='min'."
            ) from error
        return 1 if higher else -1

    def _others_may_log(self) -> bool:
        """Whether there are callbacks that may log quantities of their own."""
        return any(
            isinstance(callback, keras.callbacks.LambdaCallback)
            or type(callback).__module__.split(".")[0]
            not in ("keras", "keras_transfer")
            for callback in self._run.callbacks
        )

    def _missing(self, logs: dict[str, float]) -> ValueError:
        return ValueError(
            f"UnfreezeOnPlateau watches '{self.monitor}', which is not "
            f"logged. Logged are: {', '.join(logs) or 'nothing'}. Expected one "
            "of them, or of a metric that compile was given, with 'val_' "
            "before it for the value on validation data."
        )

    def on_epoch_end(
        self, epoch: int, logs: dict[str, float] | None = None
    ) -> None:
        logs = {} if logs is None else logs
        value = logs.get(self.monitor)
        if value is None and not self._comes_later(logs):
            raise self._missing(logs)
        if value is not None and not math.isfinite(value):
            raise ValueError(
                f"UnfreezeOnPlateau watches '{self.monitor}', which is "
                f"{value} after epoch {epoch + 1}. The training has diverged: "
                "lower the learning rate, clip the gradients, or look for "
                "values in the data that are not numbers."
            )
        depth = freeze_state(self.model).depth
        logs["trainable_blocks"] = _private.WholeNumber(depth)
        if value is None:
            return
        if self._sign is None:
            self._sign = self._own_direction()
        if self._has_waited_enough(float(value)):
            self._unfreeze(epoch)

    def _comes_later(self, logs: dict[str, float]) -> bool:
        """Whether this is an epoch without validation (`validation_freq`)."""
        return (
            self._is_validation
            and self._run is not None
            and self._run.validates
            and self.monitor.removeprefix("val_") in logs
        )

    def _has_waited_enough(self, value: float) -> bool:
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.wait = 0
        gain = math.inf if self.best is None else value - self.best
        if self.best is None or self._sign * gain > self.min_delta:  # type: ignore[operator]
            self.best = value
            self.wait = 0
            return False
        if self.cooldown_counter > 0:
            return False
        self.wait += 1
        return self.wait >= self.patience

    def _unfreeze(self, epoch: int) -> None:
        state = freeze_state(self.model)
        most = len(state.blocks) if self.max_blocks is None else self.max_blocks
        depth = min(state.depth + self.blocks, most)
        if depth <= state.depth:
            return
        set_trainable_depth(self.model, depth)
        self.wait = 0
        self.cooldown_counter = self.cooldown
        if self.verbose:
            show(
                f"\nEpoch {epoch + 1}: '{self.monitor}' has stopped "
                f"improving; {depth} of {len(state.blocks)} blocks train from "
                "now on"
            )
