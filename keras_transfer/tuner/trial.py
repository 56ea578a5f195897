"""One trial of a search: a model, trained as `fine_tune` trains it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from keras_transfer._private.types import Data, Nested, PathLike
from keras_transfer.data.adapters import adapt, adapt_packed
from keras_transfer.data.class_weights import with_class_weights
from keras_transfer.feature_cache import (
    FeatureCache,
    as_feature_cache,
    boundary_at,
    reasons_not_to_cache,
)
from keras_transfer.recipes import defaults
from keras_transfer.recipes.best_weights import TwoStageResult
from keras_transfer.recipes.data_parts import hold_out, in_passes_of
from keras_transfer.recipes.evaluation import metrics_of
from keras_transfer.recipes.full_tuning import FullTuningStage
from keras_transfer.recipes.head_stage import HeadStage
from keras_transfer.recipes.label_counts import count_labels
from keras_transfer.recipes.options import FineTuneOptions
from keras_transfer.recipes.recipe import Recipe
from keras_transfer.recipes.stage_runner import StageRunner, TimeLimit
from keras_transfer.recipes.tuning_stage import TuningStage
from keras_transfer.training.freezing import set_trainable_depth
from keras_transfer.tuner import epochs as epochs_of
from keras_transfer.tuner.one_training import OneTraining
from keras_transfer.tuner.settings import Settings

if TYPE_CHECKING:
    from keras_transfer.data.seeded_batches import SeededBatches
    from keras_transfer.models.transfer.transfer_model import TransferModel


def train(
    settings: Settings,
    model: TransferModel,
    x: Data,
    y: Nested = None,
    *,
    epochs: int | None = None,
    initial_epoch: int = 0,
    head_epochs: int | None = None,
    callbacks: Iterable[keras.callbacks.Callback] = (),
    feature_cache: FeatureCache | PathLike | None = None,
    validation_data: Data = None,
    seed: int = 0,
    **options: Any,
) -> keras.callbacks.History:
    """Trains what `build` has returned, the head and then the blocks.

    The stages are those of `fine_tune`, with what the settings say in the
    place of its own choices. A solved head is logged as an epoch of its own,
    the first; then come the epochs that train.

    Args:
        settings: the `Settings`.
        model: the model.
        x: training data, as in `TransferModel.fit`; what is not arrays is
            read into memory once.
        y: labels, for arrays.
        epochs: epochs that train; `None` is as many as `fine_tune` takes.
        initial_epoch: above 0 the model goes on from where an earlier trial
            has ended (Hyperband): no head is solved.
        head_epochs: how many of them train a head that is not solved.
        callbacks: callbacks of `fit`; to them it is one training.
        feature_cache: what several trials share. With `None` only the
            features of a head that is solved are kept.
        validation_data: as in `fit`.
        seed: seed of the sample order.
        **options: the other arguments of `TransferModel.fit`.

    Returns:
        A `keras.callbacks.History`, with an attribute `stages`.

    Raises:
        ValueError: a batch is larger than the data.
        FloatingPointError: the loss became NaN.
    """
    check_batch_size(x, settings.batch_size)
    train, validation, options = _data(
        x, y, validation_data, settings.batch_size, seed, options, model
    )
    training = OneTraining(model, callbacks, initial_epoch)
    runner = StageRunner(
        model, train, validation, TimeLimit(None), [], seed, 0,
        cache=as_feature_cache(feature_cache or "memory"),
        caches=feature_cache is not None, validates=True,
        fit_options=options,
    )  # fmt: skip
    training.begin()
    if settings.is_fine_tune:
        _run_fine_tune(runner, training, settings.options(None, None))
    else:
        total = None if epochs is None else epochs - initial_epoch
        head_epochs, epochs = epochs_of.divided(
            settings, total, head_epochs, goes_on=initial_epoch > 0
        )
        given = settings.options(epochs, head_epochs)
        _Stages(runner, training, given, goes_on=initial_epoch > 0).run()
    history = training.end()
    history.stages = training.stages
    _check_losses(history)
    return history


def _run_fine_tune(
    runner: StageRunner, training: OneTraining, given: FineTuneOptions
) -> None:
    """Leaves everything to `fine_tune`; its outcome is the only epoch."""
    runner.validates = False
    result = Recipe(
        runner,
        lambda counts, runner: defaults.plan(counts, given, runner),
        TwoStageResult(),
    ).finished()
    if result.interrupted:
        raise KeyboardInterrupt
    training.add("fine_tune", _measured(runner))


class _Stages:
    """The stages of `fine_tune`, by the settings of a trial.

    Args:
        runner: the `StageRunner`.
        training: the `OneTraining` that shows them to callbacks.
        given: the `FineTuneOptions`.
        goes_on: whether the model has been trained in an earlier trial.
    """

    def __init__(
        self,
        runner: StageRunner,
        training: OneTraining,
        given: FineTuneOptions,
        goes_on: bool,
    ):
        self.runner, self.training = runner, training
        self.goes_on = goes_on
        self.head: HeadStage | None = None
        counts = count_labels(runner.train.read_labels(), runner.model)
        # An epoch of a trial is one pass over the samples, as its log says.
        self.plan = dataclasses.replace(
            defaults.plan(counts, given, runner), trains_flips=False
        )
        if self.plan.is_full:
            size = self.plan.batch_size
            runner.train = in_passes_of(runner.train, size)
        if goes_on:
            # The logits are what they should be.
            self.plan = dataclasses.replace(self.plan, head_start=1.0)

    def run(self) -> None:
        plan, training = self.plan, self.training
        if self.runner.model.is_pretrained and not self._has_head():
            self._train_head()
        if plan.epochs and not training.has_stopped:
            self._show("fine-tune")
            stage = FullTuningStage if plan.is_full else TuningStage
            stage(self.runner, plan, self.head).run()
        if not training.stages:
            training.add("start", _measured(self.runner))

    def _has_head(self) -> bool:
        # One that is trained goes on where nothing else does.
        trains_on = self.plan.kind is None and not self.plan.epochs
        return self.goes_on and not trains_on

    def _train_head(self) -> None:
        self._show("head")
        self.head = HeadStage(self.runner, self.plan)
        self.head.run()
        if self.plan.kind is not None:
            self.training.add("head", self.head.metrics())

    def _show(self, name: str) -> None:
        self.runner.best.stage = name
        stop = keras.callbacks.TerminateOnNaN()
        self.runner.always = [stop, self.training.stage(name)]


def _measured(runner: StageRunner) -> dict[str, float]:
    """What an epoch would log of the model as it is."""
    logs = metrics_of(runner.model, runner.train)
    if runner.validation is not None:
        logs |= metrics_of(runner.model, runner.validation, "val_")
    return logs


def _data(
    x: Data,
    y: Nested,
    validation_data: Data,
    batch_size: int | None,
    seed: int,
    options: dict[str, Any],
    model: TransferModel,
) -> tuple[SeededBatches, SeededBatches | None, dict[str, Any]]:
    """The data as `SeededBatches`, and the other options of `fit`."""
    options = dict(options)
    asked = options.pop("batch_size", None)
    order = {"batch_size": batch_size or asked or 32, "seed": seed}
    given = x, y, options.pop("sample_weight", None)
    if y is None and given[2] is None:
        given = x
    train = adapt_packed(given, **order).numbered("x", **order)
    if batch_size is not None:
        train = in_passes_of(train, batch_size)
    split = options.pop("validation_split", 0.0)
    if validation_data is None and split:
        train, validation_data = hold_out(train, split, seed)
    if validation_data is not None:
        order["shuffle"] = False
        validation_data = adapt_packed(validation_data, **order)
        validation_data = validation_data.numbered("validation_data", **order)
    if weights := options.pop("class_weight", None):
        train, validation_data = with_class_weights(
            train, validation_data, weights, model.output_shape[-1]
        )
    options.pop("verbose", None)
    return train, validation_data, options


def _check_losses(history: keras.callbacks.History) -> None:
    losses = history.history.get("loss", [])
    if not np.isfinite(losses).all():
        raise FloatingPointError(
            f"The loss is not a number in epoch {len(losses)}: the rates are "
            "too high for it."
        )


def reasons_to_run_all(
    settings: Settings, model: TransferModel, x: Data, views: int = 1
) -> list[str]:
    """Returns why a trial cannot use kept features, as sentences.

    Args:
        settings: the `Settings`.
        model: what `build` has returned.
        x: training data.
        views: how many versions of each sample would be kept.
    """
    depth = 0 if settings.trains_blocks else model.trainable_depth
    if depth == len(model.blocks):
        return []
    before = model.trainable_depth
    set_trainable_depth(model, depth)
    try:
        return reasons_not_to_cache(
            boundary_at(model, depth),
            views=views,
            inputs=next(iter(adapt(x).inputs(1)), None),
        )
    finally:
        set_trainable_depth(model, before)


def check_batch_size(x: Data, size: int | None) -> None:
    """Raises if a batch would be larger than the data.

    Args:
        x: training data.
        size: samples a batch.

    Raises:
        ValueError: it is.
    """
    samples = adapt(x).num_samples
    if size is not None and samples is not None and size > samples:
        raise ValueError(
            f"A batch of {size} is more than the {samples} training samples. "
            "Give the search smaller values of `batch_size`."
        )
