"""`FreezingScheduler`: which blocks train in which epoch of one `fit`."""

import keras

from keras_transfer import _private
from keras_transfer._private.types import Verbose
from keras_transfer.storage.printing import brief, show
from keras_transfer.training.freezing import freeze_state, set_trainable_depth
from keras_transfer.training.schedules import Schedule, depth_at


class FreezingScheduler(keras.callbacks.Callback):
    """Sets the number of trainable blocks at the start of each epoch.

    Works on a `TransferModel` and on any compiled functional or Sequential
    `keras.Model`, with a stock optimizer too. Nothing has to be compiled
    again: optimizer slots, metrics and History go on, and a frozen block
    costs no gradient. `trainable_blocks` is logged with each epoch.

    Args:
        schedule: `GradualUnfreezing(...)` or another schedule, or a function
            `f(epoch, num_blocks) -> int`. It gives the number of blocks,
            counted from the output, that train; epochs count from 0, and
            the number may go down again.
        train_batch_norm: whether batch normalisation in blocks that train
            learns as well. `None` leaves what the model says.
        verbose: 1 prints each change.

    Raises:
        ValueError: when training begins, if the schedule asks for blocks that
            the model does not have in any epoch of the run.

    Example:

    ```python
    schedule = GradualUnfreezing(start_epoch=3, epochs_per_block=1)
    model.fit(x, y, epochs=12, callbacks=[FreezingScheduler(schedule)])
    ```
    """

    def __init__(
        self,
        schedule: Schedule,
        train_batch_norm: bool | None = None,
        verbose: Verbose = 0,
    ):
        super().__init__()
        if not callable(schedule):
            raise ValueError(
                "FreezingScheduler needs a schedule. Received: "
                f"{schedule!r}. Expected for example GradualUnfreezing("
                "start_epoch=3, epochs_per_block=1), or a function of "
                "(epoch, num_blocks)."
            )
        self.schedule = schedule
        self.train_batch_norm = train_batch_norm
        self.verbose = verbose
        self._depth: int | None = None

    def __repr__(self) -> str:
        named = getattr(self.schedule, "__name__", None)
        return brief(self, repr(self.schedule) if named is None else named)

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        num_blocks = len(freeze_state(self.model).blocks)
        for epoch in range(self.params.get("epochs") or 0):
            depth_at(self.schedule, epoch, num_blocks)
        self._depth = None

    def on_epoch_begin(
        self, epoch: int, logs: dict[str, float] | None = None
    ) -> None:
        num_blocks = len(freeze_state(self.model).blocks)
        depth = depth_at(self.schedule, epoch, num_blocks)
        names = set_trainable_depth(
            self.model, depth, train_batch_norm=self.train_batch_norm
        )
        if self.verbose and depth != self._depth:
            which = f": {', '.join(names)}" if names else " (the head alone)"
            show(
                f"\nEpoch {epoch + 1}: {depth} of {num_blocks} blocks "
                f"train{which}"
            )
        self._depth = depth

    def on_epoch_end(
        self, epoch: int, logs: dict[str, float] | None = None
    ) -> None:
        if logs is not None and self._depth is not None:
            logs["trainable_blocks"] = _private.WholeNumber(self._depth)
