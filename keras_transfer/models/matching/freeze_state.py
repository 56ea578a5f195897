"""The freeze state of a matcher."""

from collections.abc import Iterable

import keras

from keras_transfer.training import freezing


def _of_target(name: str) -> property:
    """Returns a property that reads and writes that of the target's state."""
    return property(
        lambda self: getattr(self._state, name),
        lambda self, value: setattr(self._state, name, value),
    )


class MatcherFreezeState:
    """The target's `FreezeState`, with adapters that always train."""

    blocks = _of_target("blocks")
    depth = _of_target("depth")
    train_batch_norm = _of_target("train_batch_norm")
    trains_elsewhere = _of_target("trains_elsewhere")

    def __init__(
        self, target: keras.Model, adapters: Iterable[keras.layers.Layer]
    ):
        self._state = freezing.freeze_state(target)
        self.head = [*self._state.head, *adapters]
