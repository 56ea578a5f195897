"""Callbacks that know with whom they run."""

import dataclasses

import keras


@dataclasses.dataclass(frozen=True)
class Run:
    """One call of `fit`, as a callback may want to know it.

    Attributes:
        model: the model that is trained.
        callbacks: all callbacks of the run, in their order.
        validates: whether there are validation data.
    """

    model: keras.Model
    callbacks: tuple
    validates: bool


class Companion(keras.callbacks.Callback):
    """A callback that `TransferModel.fit` tells about the run it is in.

    Attributes:
        run: a `Run`; `None` in the `fit` of any other model.
        acts_first: whether it is put before the callbacks of other kinds.
    """

    acts_first = False
    _run = None

    @property
    def run(self):
        known = self._run is not None and self._run.model is self.model
        return self._run if known else None

    def join(self, run):
        """Takes note of the run that is about to begin."""
        self._run = run


class Planned(keras.callbacks.Callback):
    """A callback that knows beforehand how many blocks train in which epoch.

    Attributes:
        schedule: `f(epoch, num_blocks) -> int`.
    """

    schedule = None


def introduced(callbacks, model, *, validates):
    """Returns the callbacks in the order in which they act, introduced.

    Args:
        callbacks: one, several, a `keras.callbacks.CallbackList` (whose order
            stays what it is) or `None`.
        model: the model that is trained.
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
    run = Run(model, tuple(ordered), validates)
    for callback in ordered:
        if isinstance(callback, Companion):
            callback.join(run)
    return callbacks


def _does_not_act_first(callback):
    return not getattr(callback, "acts_first", False)
