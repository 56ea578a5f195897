"""Callbacks that know with whom they run."""

import dataclasses

import keras


@dataclasses.dataclass(frozen=True)
class Run:
    """One call of `fit`, as a callback may want to know it.

    Attributes:
        callbacks: all callbacks of the run, in their order.
        validates: whether there are validation data.
    """

    callbacks: tuple
    validates: bool


class Companion(keras.callbacks.Callback):
    """A callback that `TransferModel.fit` tells about the run it is in.

    Attributes:
        run: a `Run`; `None` in the `fit` of any other model.
        acts_first: whether it is put before the callbacks of other kinds.
    """

    run = None
    acts_first = False


class Planned(keras.callbacks.Callback):
    """A callback that knows beforehand how many blocks train in which epoch.

    Attributes:
        freezing: its schedule, `f(epoch, num_blocks) -> int`.
    """

    freezing = None


def introduced(callbacks, *, validates):
    """Returns the callbacks in the order in which they act, introduced.

    Args:
        callbacks: one, several, a `keras.callbacks.CallbackList` (whose order
            stays what it is) or `None`.
        validates: whether the run has validation data.

    Returns:
        A list of callbacks, or the `CallbackList`.
    """
    if isinstance(callbacks, keras.callbacks.CallbackList):
        ordered = callbacks.callbacks
    else:
        if callbacks is None:
            callbacks = []
        elif isinstance(callbacks, keras.callbacks.Callback):
            callbacks = [callbacks]
        callbacks = ordered = sorted(callbacks, key=_does_not_act_first)
    run = Run(tuple(ordered), validates)
    for callback in ordered:
        if isinstance(callback, Companion):
            callback.run = run
    return callbacks


def _does_not_act_first(callback):
    return not getattr(callback, "acts_first", False)
