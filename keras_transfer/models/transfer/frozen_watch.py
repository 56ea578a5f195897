"""Whether what is frozen stays what it was while its activations are used."""

import zlib

import keras
import numpy as np

# Numbers of a weight that are looked at: who changes one changes all of it.
_LOOKED_AT = 1024


class FrozenWatch(keras.callbacks.Callback):
    """Ends a training whose kept activations are not true any more.

    It acts after all others, at the begin and the end of each epoch.

    Raises:
        ValueError: a callback has changed weights below the boundary.
    """

    _prefix = None

    def watch(self, prefix: keras.Model | None) -> None:
        """Takes the weights of a model as they are; `None` watches nothing.

        Args:
            prefix: the model that has put the activations out.
        """
        self._prefix = prefix
        self._marks = None if prefix is None else _marks(prefix)

    def on_epoch_begin(
        self, epoch: int, logs: dict[str, float] | None = None
    ) -> None:
        self._check()

    def on_epoch_end(
        self, epoch: int, logs: dict[str, float] | None = None
    ) -> None:
        self._check()

    def _check(self) -> None:
        if self._prefix is None or (now := _marks(self._prefix)) == self._marks:
            return
        changed = [
            weight.path
            for weight, new, old in zip(
                self._prefix.weights, now, self._marks, strict=True
            )
            if new != old
        ]
        raise ValueError(
            "feature_cache= would not give the numbers of an uncached "
            "training: a callback has changed weights that are frozen, and "
            f"their activations are kept. Changed: {', '.join(changed[:3])}"
            f"{' and others' if len(changed) > 3 else ''}. Leave feature_cache "
            "out, or let the callback change what trains only."
        )


def _marks(model: keras.Model) -> list[int]:
    """A number for each weight that changes with it."""
    return [
        zlib.crc32(_some_of(keras.ops.convert_to_numpy(weight)))  # type: ignore[arg-type]
        for weight in model.weights
    ]


def _some_of(array: np.ndarray) -> np.ndarray:
    step = max(1, array.size // _LOOKED_AT)
    return np.ascontiguousarray(array.reshape(-1)[::step]).view(np.uint8)
