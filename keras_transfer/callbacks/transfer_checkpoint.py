"""`TransferCheckpoint`: a killed run goes on as if nothing had happened."""

import time
import warnings
from collections.abc import Iterable
from typing import Any

import keras
import numpy as np

from keras_transfer import _private
from keras_transfer._private.types import PathLike, Verbose
from keras_transfer.callbacks import callback_state
from keras_transfer.callbacks.run_aware import RunAwareCallback
from keras_transfer.storage import checkpoint_folder
from keras_transfer.storage.printing import brief, show
from keras_transfer.training import (
    random_state,
    run_description,
    training_state,
)


class TransferCheckpoint(RunAwareCallback):
    """Saves the whole state of a training each epoch, and goes on from it.

    Run the same script again after a kill, and `fit` starts at the epoch that
    was interrupted. Restored are: weights and statistics, which blocks train,
    the optimizer with slots, averages, step counters and learning rate, the
    seeds of dropout and augmentation, the generators of Python, NumPy and
    torch, History, and the counters of `EarlyStopping`, `ReduceLROnPlateau`,
    `ModelCheckpoint`, `SwapEMAWeights` and `UnfreezeOnPlateau`; of a callback
    of your own what its attribute `remembered`, a tuple of names, lists
    (numbers, rows, lists of arrays). With arrays,
    `data.load` or a `PyDataset` in `TransferModel.fit` the samples come in the
    same order, so that the run ends with the weights of an uninterrupted one:
    to the last bit on TensorFlow with
    `tf.config.experimental.enable_op_determinism`, on a CPU.

    A checkpoint is written beside the old one and moved into place, and the
    last two are kept: one that is damaged is recognised and passed over.

    In `TransferModel.fit` the other callbacks are found and the place in the
    list does not matter. In the `fit` of a plain `keras.Model` put it first
    and name them: `callbacks=`.

    Not restored: the place in a data set that shuffles by itself (tf.data).
    With `use_ema`, Keras puts the averages into the weights when training
    ends, so a later call with more epochs starts from those.

    Args:
        directory: a folder for the checkpoints of this run alone.
        delete_checkpoint: whether to remove them when training has ended, as
            `keras.callbacks.BackupAndRestore` does. `False` lets a later call
            with more epochs go on; one with the same number trains nothing
            and has the History of the run that has ended.
        callbacks: callbacks to remember, in the `fit` of a plain model.
        verbose: 1 says when a run goes on.
        min_seconds: how many seconds at least lie between two checkpoints,
            and before the first; 0 writes one each epoch.

    Raises:
        ValueError: the checkpoint is that of another model or optimizer, or
            none in the folder can be read.

    Example:

    ```python
    checkpoint = TransferCheckpoint("runs/flowers")
    model.fit(train, epochs=20, callbacks=[scheduler, checkpoint])
    ```
    """

    _acts_first = True
    _asks_for_samples = True

    def __init__(
        self,
        directory: PathLike,
        delete_checkpoint: bool = True,
        callbacks: Iterable[keras.callbacks.Callback] = (),
        verbose: Verbose = 1,
        min_seconds: float = 0,
    ):
        super().__init__()
        self.directory = directory
        self.delete_checkpoint = delete_checkpoint
        self.callbacks = tuple(callbacks)
        self.verbose = verbose
        self.min_seconds = min_seconds
        self._restored: tuple[dict, dict] | None = None

    def __repr__(self) -> str:
        return brief(self, f"in '{self.directory}'")

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        self._saved_at = time.monotonic()
        self._described = run_description.of_training(self.model) | (
            self._run.samples if self._run else {}
        )
        self._restored = checkpoint_folder.read_last(self.directory)
        if self._restored is None:
            return
        arrays, info = self._restored
        self._warn_of_differences(info)
        training_state.restore(self.model, _below("state", arrays), info)
        epochs = self.params.get("epochs") or 0
        # A run that was stopped early has ended before its last epoch.
        has_ended = epochs <= (info["ended_run_of"] or 0)
        start = epochs if has_ended else info["epoch"]
        _private.start_at_epoch(self.model, start)
        if self.verbose:
            show(
                f"TransferCheckpoint: going on after epoch {start} of "
                f"{epochs}, from '{self.directory}'"
            )

    def on_epoch_begin(
        self, epoch: int, logs: dict[str, float] | None = None
    ) -> None:
        # At the beginning of an epoch every callback is done with the one
        # before, and the first of them has not yet begun with this one.
        if self._restored is not None:
            self._restore_the_rest()
        elif self._is_due():
            self._save(epoch)

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        if self._restored is not None:
            # There was no epoch left to train.
            self._restore_the_rest()
        elif not self.delete_checkpoint and self._is_due():
            epochs = self.model.history.epoch
            self._save(
                epochs[-1] + 1 if epochs else 0,
                ended_run_of=self.params.get("epochs"),
            )
        if self.delete_checkpoint:
            checkpoint_folder.remove(self.directory)

    def _is_due(self) -> bool:
        return time.monotonic() - self._saved_at >= self.min_seconds

    def _save(self, epoch: int, ended_run_of: int | None = None) -> None:
        training_state.prepare(self.model)
        arrays, info = training_state.collect(self.model)
        generators, generator_info = random_state.collect()
        counts, count_info = callback_state.collect(self._others())
        history = self.model.history
        checkpoint_folder.write(
            self.directory,
            epoch,
            {
                **_above("state", arrays),
                **_above("random", generators),
                **_above("callbacks", counts),
            },
            {
                **info,
                "keras": keras.version(),
                "backend": keras.backend.backend(),
                "run": self._described,
                "epoch": epoch,
                "ended_run_of": ended_run_of,
                "random": generator_info,
                "callbacks": count_info,
                "history": {
                    "epoch": list(history.epoch),
                    "logs": callback_state.plain(history.history),
                },
            },
        )
        self._saved_at = time.monotonic()

    def _warn_of_differences(self, info: dict[str, Any]) -> None:
        before = info.get("run", {})
        found = run_description.differences(self._described, before)
        if before and found:
            warnings.warn(
                f"The run that goes on from '{self.directory}' is not the one "
                f"that was begun: {'; '.join(found[:5])}. What the checkpoint "
                "holds (weights, and the state and learning rate of the "
                "optimizer) is taken from it. Use another folder for another "
                "run.",
                stacklevel=2,
            )

    def _restore_the_rest(self) -> None:
        arrays, info = self._restored  # type: ignore[misc]
        self._restored = None
        # Keras has read it; another run starts where it is told to.
        _private.start_at_epoch(self.model, None)
        random_state.restore(_below("random", arrays), info["random"])
        self.model.history.epoch = list(info["history"]["epoch"])
        self.model.history.history = info["history"]["logs"]
        callback_state.restore(
            self._others(), _below("callbacks", arrays), info["callbacks"]
        )

    def _others(self) -> tuple[keras.callbacks.Callback, ...]:
        return self._run.callbacks if self._run else self.callbacks


def _above(name: str, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {f"{name}/{key}": value for key, value in arrays.items()}


def _below(name: str, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    prefix = f"{name}/"
    return {
        key.removeprefix(prefix): value
        for key, value in arrays.items()
        if key.startswith(prefix)
    }
