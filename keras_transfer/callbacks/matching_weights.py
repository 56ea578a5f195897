"""`MatchingWeightScheduler`: how much matching counts, epoch by epoch."""

from collections.abc import Callable

import keras

from keras_transfer._private.types import Verbose
from keras_transfer.storage.printing import brief, show

_WEIGHTS = ("matching_weight", "task_weight", "pair_weights")


class MatchingWeightScheduler(keras.callbacks.Callback):
    """Sets the weights of a `FeatureMatcher`'s loss at each epoch's start.

    Nothing is compiled or traced again. Use it to match first and learn the
    task afterwards, or to let matching fade.

    Args:
        schedule: a function of the epoch (from 0) that returns the
            `matching_weight`, a number, or a dict with any of
            `matching_weight`, `task_weight` and `pair_weights`.
        verbose: 1 prints the weights of each epoch.

    Raises:
        ValueError: the model is no `FeatureMatcher`, or the schedule returns
            something else.

    Example:

    ```python
    fading = MatchingWeightScheduler(lambda epoch: 0.5**epoch)
    matcher.fit(photos, epochs=5, callbacks=[fading])
    ```
    """

    def __init__(
        self,
        schedule: Callable[[int], float | dict[str, float]],
        verbose: Verbose = 0,
    ):
        super().__init__()
        self.schedule = schedule
        self.verbose = verbose

    def __repr__(self) -> str:
        return brief(self, getattr(self.schedule, "__name__", self.schedule))

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        if not hasattr(self.model, "matching_weight"):
            raise ValueError(
                "MatchingWeightScheduler sets the weights of a FeatureMatcher. "
                f"Received: model '{self.model.name}', a "
                f"{type(self.model).__name__}. Call fit of the matcher."
            )

    def on_epoch_begin(
        self, epoch: int, logs: dict[str, float] | None = None
    ) -> None:
        found = self.schedule(epoch)
        weights = found if isinstance(found, dict) else {_WEIGHTS[0]: found}
        unknown = set(weights) - set(_WEIGHTS)
        if unknown:
            raise ValueError(
                "The schedule of a MatchingWeightScheduler returns a number, "
                f"or a dict with some of {_WEIGHTS}. Received: {found!r} for "
                f"epoch {epoch}."
            )
        for name, value in weights.items():
            setattr(self.model, name, value)
        if self.verbose:
            show(f"epoch {epoch + 1}: {weights}")

    def on_epoch_end(
        self, epoch: int, logs: dict[str, float] | None = None
    ) -> None:
        if logs is not None:
            logs["matching_weight"] = self.model.matching_weight
