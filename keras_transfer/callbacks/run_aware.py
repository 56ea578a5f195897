"""Callbacks that are told about the run of `fit` that they are in."""

import dataclasses

import keras

from keras_transfer._private.types import Callbacks, Data
from keras_transfer.training import run_description


@dataclasses.dataclass(frozen=True)
class FitRun:
    """One call of `fit`, as a callback may want to know it.

    Attributes:
        model: the model that is trained.
        callbacks: all callbacks of the run, in their order.
        validates: whether there are validation data.
        samples: what `run_description.of_samples` says of the training data;
            empty where no callback wants to know.
    """

    model: keras.Model
    callbacks: tuple
    validates: bool
    samples: dict = dataclasses.field(default_factory=dict)


class RunAwareCallback(keras.callbacks.Callback):
    """A callback that `TransferModel.fit` tells about the run it is in.

    Attributes:
        _run: a `FitRun`; `None` in the `fit` of any other model.
        _acts_first: whether it is put before the callbacks of other kinds.
        _asks_for_samples: whether it wants to know `_run.samples`.
    """

    _acts_first = False
    _asks_for_samples = False
    _told_run: FitRun | None = None

    @property
    def _run(self) -> FitRun | None:
        known = (
            self._told_run is not None and self._told_run.model is self.model
        )
        return self._told_run if known else None

    @_run.setter
    def _run(self, run: FitRun | None) -> None:
        self._told_run = run


def with_run(
    callbacks: Callbacks, model: keras.Model, data: Data, *, validates: bool
) -> list[keras.callbacks.Callback] | keras.callbacks.CallbackList:
    """Returns the callbacks in the order in which they act, told of the run.

    Args:
        callbacks: one, several, a `keras.callbacks.CallbackList` (whose order
            stays what it is) or `None`.
        model: the model that is trained.
        data: what it is trained on.
        validates: whether the run has validation data.

    Returns:
        A list of callbacks, or the `CallbackList`.
    """
    if isinstance(callbacks, keras.callbacks.CallbackList):
        ordered = callbacks.callbacks
    else:
        given = [] if callbacks is None else keras.tree.flatten(callbacks)
        callbacks = ordered = sorted(given, key=_acts_later)
    asks = any(getattr(each, "_asks_for_samples", False) for each in ordered)
    samples = run_description.of_samples(data) if asks else {}
    run = FitRun(model, tuple(ordered), validates, samples)
    for callback in ordered:
        if isinstance(callback, RunAwareCallback):
            callback._run = run
    return callbacks


def with_callback(
    callbacks: Callbacks, extra: keras.callbacks.Callback
) -> list[keras.callbacks.Callback] | keras.callbacks.CallbackList:
    """Returns `callbacks` (one, several, a list object or none) and `extra`."""
    if isinstance(callbacks, keras.callbacks.CallbackList):
        callbacks.append(extra)
        return callbacks
    if callbacks is None:
        return [extra]
    if isinstance(callbacks, keras.callbacks.Callback):
        return [callbacks, extra]
    return [*callbacks, extra]


def _acts_later(callback: keras.callbacks.Callback) -> bool:
    return not getattr(callback, "_acts_first", False)
