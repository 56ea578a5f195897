"""`fit` on activations that the frozen part of a model has put out before."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import keras

from keras_transfer import _private
from keras_transfer._private.types import Callbacks, Data
from keras_transfer.data.seeded_batches import SeededBatches
from keras_transfer.models.transfer import cached_boundaries, continued_fit
from keras_transfer.models.transfer.frozen_watch import FrozenWatch
from keras_transfer.storage.printing import note

if TYPE_CHECKING:
    from keras_transfer.data.data_adapter import DataAdapter
    from keras_transfer.data.samples import Samples
    from keras_transfer.data.seeded_batches import OrderOfEpoch
    from keras_transfer.feature_cache.settings import FeatureCache
    from keras_transfer.models.transfer.cached_boundaries import (
        CachedBoundaries,
    )
    from keras_transfer.models.transfer.continued_fit import (
        ContinuedCallbackList,
        DepthWatch,
    )
    from keras_transfer.models.transfer.transfer_model import TransferModel


def fit_cached(
    model: TransferModel,
    fit: Callable[..., keras.callbacks.History],
    data: DataAdapter,
    *,
    feature_cache: FeatureCache,
    epochs: int,
    initial_epoch: int,
    callbacks: Callbacks,
    validation: DataAdapter | None,
    seed: int,
    **options: Any,
) -> keras.callbacks.History:
    """Trains in calls of `fit`, one for each boundary; returns the History.

    For the callbacks it is one training. The samples come in the order of the
    uncached run.

    Args:
        model: a `TransferModel`.
        fit: `keras.Model.fit`, bound to it.
        data: the `DataAdapter` of the training data.
        feature_cache: a `FeatureCache`.
        epochs: as in `fit`.
        initial_epoch: as in `fit`.
        callbacks: a list.
        validation: the `DataAdapter` of validation data, or `None`.
        seed: seed of the order of a data set that shuffles by itself.
        **options: the other arguments of `fit`.

    Raises:
        ValueError: the numbers would not be those of the uncached run.
    """
    _check_call(model)
    if isinstance(callbacks, keras.callbacks.CallbackList):
        callbacks = callbacks.callbacks
    samples, order = data.samples(seed), data.order()
    if samples.note:
        note(samples.note)
    watch, frozen = continued_fit.DepthWatch(), FrozenWatch()
    training = continued_fit.ContinuedCallbackList(
        [*callbacks, order, watch, frozen],
        add_history=True,
        add_progbar=options["verbose"] != 0,
        verbose=options["verbose"],
        epochs=epochs,
        steps=options.get("steps_per_epoch") or data.num_batches(),
        model=model,
    )
    model.stop_training = False
    training.begin()
    epoch = _private.epoch_to_start_at(model) or initial_epoch
    boundaries = cached_boundaries.CachedBoundaries(
        model,
        samples,
        _validation_samples(validation, options),
        feature_cache,
        cached_boundaries.scheduled_depths(
            model, callbacks, range(epoch, epochs)
        ),
        options["verbose"],
    )
    calls = _FitCalls(model, fit, data, validation, boundaries, order, frozen)
    inner = _private.wrapped_optimizers(model.optimizer)[-1]
    try:
        with _private.not_finalizing(inner):
            calls.run(training, watch, epoch, epochs, options)
    finally:
        model._use_suffix(None)
    if epochs > epoch:
        model.optimizer.finalize_variable_values(model.trainable_weights)
    training.end()
    return model.history


class _FitCalls:
    """One call of `fit` after another."""

    def __init__(
        self,
        model: TransferModel,
        fit: Callable[..., keras.callbacks.History],
        data: DataAdapter,
        validation: DataAdapter | None,
        boundaries: CachedBoundaries,
        order: OrderOfEpoch,
        frozen: FrozenWatch,
    ):
        self.model, self.fit, self.data = model, fit, data
        self.validation_data = validation and validation.for_validation()
        self.boundaries, self.order = boundaries, order
        self.frozen = frozen

    def run(
        self,
        callbacks: ContinuedCallbackList,
        watch: DepthWatch,
        epoch: int,
        epochs: int,
        options: dict[str, Any],
    ) -> None:
        while epoch < epochs:
            depth = self.boundaries.depth_for(epoch)
            until = self.boundaries.served_until(epoch, epochs)
            train, validation = self._data(depth, epoch, epochs)
            watch.watch(depth, epoch)
            with contextlib.suppress(continued_fit.DepthExceeded):
                self.fit(
                    train,
                    validation_data=validation,
                    epochs=until,
                    initial_epoch=epoch,
                    callbacks=callbacks,
                    **options,
                )
            epoch = watch.next_epoch
            self.boundaries.trained(depth)
            if watch.went_deeper:
                self.boundaries.forget_schedule()
            if self.model.stop_training and not watch.moved:
                break

    def _data(self, depth: int, epoch: int, epochs: int) -> tuple[Data, Data]:
        if depth == len(self.model.blocks):
            self.model._use_suffix(None)
            self.frozen.watch(None)
            return self._in_order(self.data.data, epoch), self.validation_data
        boundary, train, validation = self.boundaries.at(depth, epoch, epochs)
        self.model._use_suffix(boundary.suffix)
        self.frozen.watch(boundary.prefix)
        like = self.data.data if self.data.is_seeded else None
        batches = self._in_order(train.batches(like), epoch)
        if validation is None:
            return batches, self.validation_data
        return batches, validation.batches()

    def _in_order(self, batches: Data, epoch: int) -> Data:
        if isinstance(batches, SeededBatches):
            batches = self.order.batches = batches.starting_at(epoch)
        return batches


def _validation_samples(
    data: DataAdapter | None, options: dict[str, Any]
) -> Samples | None:
    """Validation data as `Samples`; `None` if they are read as they come."""
    if data is None or options.get("validation_steps"):
        return None
    return data.samples() if data.is_repeatable else None


def _check_call(model: keras.Model) -> None:
    if not _private.runs_its_graph(model):
        raise ValueError(
            "feature_cache= would not give the numbers of an uncached "
            f"training: {type(model).__name__} has a `call` of its own, which "
            "activations would go past. Leave feature_cache out."
        )
