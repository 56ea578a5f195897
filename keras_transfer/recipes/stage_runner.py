"""What the stages of `fine_tune` share: model, data, cache, time limit."""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Callable, Sequence

import keras
import numpy as np

from keras_transfer._private.types import PathLike, Verbose
from keras_transfer.callbacks import TransferCheckpoint
from keras_transfer.data.seeded_batches import SeededBatches
from keras_transfer.feature_cache import FeatureCache, draws_in_inference
from keras_transfer.recipes.best_weights import BestWeights, early_stopping
from keras_transfer.recipes.checkpointing import checkpoints
from keras_transfer.recipes.decision_log import DecisionLog
from keras_transfer.recipes.head_stage import solvable_kind
from keras_transfer.recipes.training import (
    fits_in_memory,
    statistics_callbacks,
)


class TimeLimit(keras.callbacks.Callback):
    """A time limit that keeps what has been reached.

    It counts from when it is made. As a callback it ends a training at the
    next step after the limit; the epoch that was under way is validated as it
    is.

    Args:
        minutes: more than 0; `None` is no limit.

    Raises:
        ValueError: it is no positive number.
    """

    def __init__(self, minutes: float | None) -> None:
        super().__init__()
        if minutes is not None and not minutes > 0:
            raise ValueError(
                "`max_minutes` is a positive number of minutes, or None for "
                f"no limit. Received: max_minutes={minutes!r}."
            )
        self.minutes = minutes
        self._started = time.monotonic()

    @property
    def is_over(self) -> bool:
        return self.seconds_left <= 0

    @property
    def seconds_left(self) -> float:
        if self.minutes is None:
            return float("inf")
        return 60 * self.minutes - (time.monotonic() - self._started)

    def on_train_batch_end(
        self, batch: int, logs: dict[str, float] | None = None
    ) -> None:
        if self.is_over:
            self.model.stop_training = True


@dataclasses.dataclass
class StageRunner:
    """A model, its data, and one way to train it for all stages.

    Attributes:
        model: a compiled `TransferModel`.
        train: `SeededBatches`.
        validation: `SeededBatches`, or `None`.
        limit: the `TimeLimit` of the recipe.
        callbacks: those of the user, for fine-tuning.
        seed: seed of what is held out.
        verbose: as in `keras.Model.fit`.
        on_features: as in `fine_tune`, or `None`.
        checkpoint: folder of the checkpoints, or `None`.
        cache: the `FeatureCache` for what the frozen part puts out; one in
            memory if `None`.
        caches: whether trainings use it.
        always: callbacks of every training, of the head too.
        validates: whether each epoch is validated where nothing depends on
            it.
        fit_options: other arguments of `fit` for fine-tuning.
        best: the `BestWeights` of the recipe.
        log: its `DecisionLog`.
    """

    model: keras.Model
    train: SeededBatches
    validation: SeededBatches | None
    limit: TimeLimit
    callbacks: list
    seed: int
    verbose: Verbose
    on_features: Callable | None = None
    checkpoint: PathLike | None = None
    cache: FeatureCache | None = None
    caches: bool = True
    always: list = dataclasses.field(default_factory=list)
    validates: bool = False
    fit_options: dict = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        self.best, self.log = BestWeights(self.model), DecisionLog(self.verbose)
        if self.cache is None:
            self.cache = FeatureCache("memory")
        self._fits = {}

    def cache_at(self, depth: int) -> FeatureCache | None:
        """The cache, or `None` where it would not be exact or not fit."""
        if not self.caches or self.features_are_random:
            return None
        num_samples = self.train.num_samples
        if self.validation is not None:
            num_samples += self.validation.num_samples
        asked = num_samples, depth, self.cache.views
        # To know it, the model has to be cut; every stage asks for the same.
        if asked not in self._fits:
            self._fits[asked] = fits_in_memory(
                self.model, num_samples, depth, views=self.cache.views
            )
        return self.cache if self._fits[asked] else None

    def solvable_kind(self) -> str | None:
        """Returns `solvable_kind` of the model, `None` for random features."""
        kind = solvable_kind(self.model)
        return None if kind is None or self.features_are_random else kind

    @functools.cached_property
    def features_are_random(self) -> bool:
        """Whether the source draws random numbers in inference too."""
        inputs = self.train.read(np.arange(1))[0]
        return draws_in_inference(self.model, inputs)

    def saved(self, name: str) -> list[TransferCheckpoint]:
        """The callbacks by which a training goes on after a kill.

        Args:
            name: of the training, unlike that of any other.
        """
        return checkpoints(self.checkpoint, name)

    def fit(
        self,
        epochs: int,
        patience: int,
        *,
        depth: int,
        name: str,
        best: BestWeights | None = None,
        mixing: str | None = None,
        first: Sequence[keras.callbacks.Callback] = (),
        last: Sequence[keras.callbacks.Callback] = (),
    ) -> None:
        """Trains, and remembers the best epoch.

        Args:
            name: of the training, as in `saved`.
            epochs: most epochs.
            patience: epochs without a better one before it stops.
            depth: most blocks that are going to train.
            best: the `BestWeights` to remember it, the recipe's if `None`.
            mixing: as in `TransferModel.fit`; nothing is cached then.
            first: callbacks that act before the epoch is remembered.
            last: callbacks that act after that.
        """
        stop = early_stopping(self.validation, patience)
        first = [*statistics_callbacks(self.model, self.train), *first]
        self.model.fit(
            self.train,
            validation_data=self.validation,
            epochs=epochs,
            feature_cache=None if mixing else self.cache_at(depth),
            mixing=mixing,
            callbacks=[
                *first,
                best or self.best,
                stop,
                self.limit,
                *self.saved(name),
                *last,
                *self.always,
            ],
            verbose=self.verbose,
            **self.fit_options,
        )
