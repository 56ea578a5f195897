"""`PreciseBatchNorm`: batch-norm statistics that are there when judged."""

import warnings
from collections.abc import Iterator

import keras

from keras_transfer import _private
from keras_transfer._private.types import Data
from keras_transfer.callbacks.run_aware import RunAwareCallback
from keras_transfer.data.adapters import adapt
from keras_transfer.storage.printing import brief
from keras_transfer.training.batch_norm import (
    NUM_BATCHES,
    StatisticsPass,
    training_norms,
)

# Share of the first statistics, 0 and 1, that may be left in the moving ones.
_LEFT_OVER = 0.05


class PreciseBatchNorm(RunAwareCallback):
    """Takes batch-norm statistics anew before each validation and at the end.

    Keras' moving statistics, with a momentum of 0.99, need hundreds of steps
    until they follow the data. A net that begins with random weights is
    judged before that by statistics that are not there yet, and may be no
    better than chance on validation while its training loss falls. This
    callback sets them to the mean over `num_batches` training batches,
    without any gradient. Training itself is not changed: its steps normalise
    with the statistics of their own batch. Frozen layers, and those that
    normalise by source statistics, stay as they are.

    Costs a forward pass of that many batches an epoch. Without validation
    data the statistics are taken at the end of each epoch.

    Args:
        data: the training data: what `keras_transfer.data.load` returns,
            arrays `x` or `(x, y)`, a `PyDataset`, a `tf.data.Dataset`, or
            whatever else gives batches each time it is walked over.
        num_batches: most batches to look at.
        part: the part of the model that takes the data, where it is not the
            model that is trained: a matcher's `target`.

    Raises:
        ValueError: `num_batches` is below 1.

    Example:

    ```python
    model = TransferModel("MobileNet", head=5, weights=None)
    model.compile("auto")
    model.fit(photos.train, epochs=5, validation_data=photos.validation,
              callbacks=[PreciseBatchNorm(photos.train)])
    ```

    Reference:
        Wu and Johnson 2021, Rethinking "Batch" in BatchNorm.
    """

    _acts_first = True

    def __init__(
        self,
        data: Data,
        num_batches: int = NUM_BATCHES,
        *,
        part: keras.Model | None = None,
    ):
        super().__init__()
        if not num_batches >= 1:
            raise ValueError(
                "`num_batches` is a whole number of at least 1. Received: "
                f"num_batches={num_batches!r}."
            )
        self.data, self.num_batches, self.part = data, num_batches, part
        self._pass: StatisticsPass | None = None
        self._is_fresh = False

    def __repr__(self) -> str:
        return brief(self, f"{self.num_batches} batches")

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        self._pass, self._is_fresh = None, False

    def on_train_batch_end(
        self, batch: int, logs: dict[str, float] | None = None
    ) -> None:
        self._is_fresh = False

    def on_test_begin(self, logs: dict[str, float] | None = None) -> None:
        self._renew()

    def on_epoch_end(
        self, epoch: int, logs: dict[str, float] | None = None
    ) -> None:
        self._renew()

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        self._renew()

    def _renew(self) -> None:
        if self._is_fresh:
            return
        self._is_fresh = True
        if self._pass is None:
            self._pass = StatisticsPass(
                self.part or self.model, self.num_batches
            )
        _private.sync_state(self.model)
        self._pass.run(self._batches())

    def _batches(self) -> Iterator:
        data = getattr(self.data, "train", self.data)
        if isinstance(data, tuple):
            data = data[0]
        return adapt(data).walk()


def warn_of_young_statistics(
    model: keras.Model,
    callbacks: list[keras.callbacks.Callback] | keras.callbacks.CallbackList,
) -> None:
    """Warns where moving statistics still hold much of what they began with.

    After n updates with momentum m, a share of m^n of a moving statistic is
    its first value, 0 or 1, whatever the data are. Silent for what began with
    other weights than random ones, and beside a `PreciseBatchNorm`.

    Args:
        model: the model that has been trained, or a matcher with its target.
        callbacks: those of its `fit`.
    """
    target = getattr(model, "target", model)
    if getattr(target, "is_pretrained", True):
        return
    steps = int(keras.ops.convert_to_numpy(model.optimizer.iterations))
    model = target
    momenta = [layer.momentum for layer in training_norms(model)]
    if not momenta or not steps:
        return
    callbacks = getattr(callbacks, "callbacks", callbacks)
    if any(isinstance(each, PreciseBatchNorm) for each in callbacks):
        return
    left = max(momenta) ** steps
    if left > _LEFT_OVER:
        warnings.warn(
            f"After {steps} steps, {left:.0%} of the moving statistics of "
            f"{len(momenta)} batch normalisation layers in '{model.name}' is "
            "still what they began with: outside of training the model is "
            "worse than in it. Train for more steps, or give fit "
            "callbacks=[kt.PreciseBatchNorm(data)] with the training data.",
            stacklevel=3,
        )
