"""Fine-tuning with few labels: all blocks, for a fixed number of steps."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from keras_transfer._private.types import Verbose
from keras_transfer.data.seeded_batches import SeededBatches
from keras_transfer.feature_cache import FeatureCache
from keras_transfer.recipes.compiling import compile_to_tune
from keras_transfer.recipes.head_or_end import HeadOrEnd
from keras_transfer.recipes.head_stage import HeadStage, set_head
from keras_transfer.recipes.interpolation import set_temperature
from keras_transfer.recipes.plan import Plan
from keras_transfer.recipes.stage_runner import StageRunner
from keras_transfer.recipes.training import statistics_callbacks
from keras_transfer.recipes.writers import Row
from keras_transfer.transferability.linear_probe import Probe

# Steps that are timed, after those that compile.
_COMPILING, _TIMED = 2, 4


class FullTuningStage:
    """Trains from a solved head on, and finds out whether that was better.

    All labelled samples train and the schedule always ends, so nothing is
    held out and no epoch is chosen. Whether the end is kept is judged on
    validation data, or on folds where these fit the time: it is, unless its
    log loss is worse than the head's by more than one standard error of the
    paired difference.

    Args:
        runner: the `StageRunner`; its model has the solved head.
        plan: the `Plan`.
        head: the `HeadStage` that has solved it.
        max_folds: most folds; `None` is as many as fit the time, up to 3, and
            none below 10 samples a class.
    """

    def __init__(
        self,
        runner: StageRunner,
        plan: Plan,
        head: HeadStage | None,
        max_folds: int | None = None,
    ) -> None:
        self.runner, self.plan, self.head = runner, plan, head
        self.model, self.max_folds = runner.model, max_folds
        self.start = self.model.get_weights()
        self.epochs = plan.epochs

    def run(self) -> str | None:
        """Trains on all samples.

        Returns:
            Why the head alone is to be kept; `None` if there is no reason.
        """
        runner = self.runner
        self._prepare()
        if reason := self._shorten():
            return reason
        self.rows = runner.best.beside()
        started = time.perf_counter()
        self._fit(
            runner.train,
            [*self._statistics(), self.rows, _Clock(self), runner.limit],
            [*runner.callbacks, *runner.always, *runner.saved("fine-tune")],
            runner.verbose,
            validation_data=runner.validation if runner.validates else None,
            **runner.fit_options,
        )
        self.seconds = time.perf_counter() - started
        self.end = self.model.get_weights()
        return self._went_wrong()

    def choose(self) -> tuple[str, str]:
        """Gives the model the weights that are kept, of the head or the end.

        Returns:
            The value and the reason of the choice, in words.
        """
        compared, where = HeadOrEnd(self, self.max_folds).compared()
        if compared is None:
            row = {
                "share": 1.0,
                "temperature": max(1.0, self.head.temperature()),
                **_last(self.rows.rows_of_stage),
            }
            self._keep([row], row)
            return self._end_in_words(), "nothing was held out to compare with"
        rows = [
            {"share": share, "temperature": t, **scores}
            for share, t, scores in (
                (0.0, 1.0, compared.old),
                (1.0, compared.temperature, compared.new),
            )
        ]
        row = rows[0 if compared.is_worse else 1]
        self._keep(rows, row)
        value = self._end_in_words()
        if compared.is_worse:
            value = "those of the head alone"
        return value, f"{compared} {where}"

    def train_again(self, data: SeededBatches, probe: Probe, name: str) -> None:
        """Trains on other samples, from another solved head.

        Args:
            data: the samples, `SeededBatches`.
            probe: the `Probe` of the head.
            name: of the training, as in `StageRunner.saved`.
        """
        self._begin(probe)
        self._fit(data, [*self._statistics(), *self.runner.saved(name)])

    def keep_head(self) -> None:
        """Gives the model the solved head on the source's features."""
        self.model.set_weights(self.start)

    def _end_in_words(self) -> str:
        return f"those after {self._num_steps()} steps of fine-tuning"

    def _num_steps(self) -> int:
        return self.epochs * len(self.runner.train)

    def _keep(self, rows: list[Row], row: Row) -> None:
        self.model.set_weights(self.end if row["share"] else self.start)
        if row["share"]:
            set_temperature(self.model, row)
        self.runner.best.add_solved(rows, row, 0.0)

    # Training.

    def _prepare(self) -> None:
        """Compiles for a training of `epochs` epochs from the start."""
        model = self.model
        compile_to_tune(model, self.plan, self._num_steps())
        self._fresh = [
            keras.ops.convert_to_numpy(v).copy()
            for v in model.optimizer.variables
        ]
        self._begin()

    def _begin(self, probe: Probe | None = None) -> None:
        """Sets weights and optimizer to where a training begins."""
        model = self.model
        model.set_weights(self.start)
        if probe is not None:
            set_head(model, probe)
        model.head._scale_logits(self.plan.head_start)
        for variable, value in zip(
            model.optimizer.variables, self._fresh, strict=True
        ):
            variable.assign(value)

    def _fit(
        self,
        data: SeededBatches,
        callbacks: Sequence[keras.callbacks.Callback] = (),
        last: Sequence[keras.callbacks.Callback] = (),
        verbose: Verbose = 0,
        **options: Any,
    ) -> None:
        # As many steps as on all samples, whatever part of them this is.
        self.model.fit(
            data,
            epochs=math.ceil(self._num_steps() / len(data)),
            feature_cache=self._cache(),
            callbacks=[*callbacks, *last],
            verbose=verbose,
            **options,
        )

    def _cache(self) -> FeatureCache | None:
        blocks = self.plan.blocks
        if blocks == len(self.model.blocks):
            return None
        return self.runner.cache_at(blocks)

    def _statistics(self) -> list[keras.callbacks.Callback]:
        return statistics_callbacks(self.model, self.runner.train)

    def _shorten(self) -> str | None:
        """Makes the schedule as long as the time limit allows.

        Returns:
            Why that is too short, or `None`.
        """
        clock, runner = _Clock(self), self.runner
        if runner.limit.minutes is None:
            return None
        whole = self._num_steps()
        self.model.fit(
            runner.train,
            steps_per_epoch=min(_COMPILING + _TIMED, whole),
            feature_cache=self._cache(),
            callbacks=[clock, runner.limit],
            verbose=0,
        )
        left = runner.limit.seconds_left
        possible = left / clock.seconds_a_step if clock.seconds_a_step else 0
        if possible < whole:
            self.epochs = int(possible // len(runner.train))
            if self._num_steps() < whole / 2:
                return (
                    f"of {whole} steps about {possible:.0f} fit the limit of "
                    f"{runner.limit.minutes:g} minutes"
                )
            runner.log.decide(
                "steps of fine-tuning", None, self._num_steps(),
                f"instead of {whole}, to end within "
                f"{runner.limit.minutes:g} minutes",
            )  # fmt: skip
            self._prepare()
        self._begin()
        return None

    def _went_wrong(self) -> str | None:
        rows = self.rows.rows_of_stage
        losses = [row["loss"] for row in rows]
        if not np.isfinite(losses).all():
            return "the training loss became NaN or infinite"
        if self.runner.limit.is_over and len(rows) < self.epochs:
            return (
                f"the limit of {self.runner.limit.minutes:g} minutes was over "
                "before the schedule was"
            )
        if len(losses) > 1 and losses[-1] >= losses[0]:
            return (
                f"the training loss rose from {losses[0]:.4f} to "
                f"{losses[-1]:.4f}"
            )
        return None


class _Clock(keras.callbacks.Callback):
    """Times steps, and says how long the training will take."""

    seconds_a_step: float | None = None

    def __init__(self, stage: FullTuningStage) -> None:
        super().__init__()
        self.stage, self.steps = stage, 0

    def on_train_batch_end(
        self, batch: int, logs: dict[str, float] | None = None
    ) -> None:
        self.steps += 1
        if self.steps == _COMPILING:
            self.started = time.perf_counter()
        if self.steps == _COMPILING + _TIMED:
            seconds = time.perf_counter() - self.started
            self.seconds_a_step = seconds / _TIMED
            steps = self.stage.epochs * len(self.stage.runner.train)
            if steps > self.steps:
                self.stage.runner.log.show(
                    f"fine-tuning: {steps} steps, about "
                    f"{steps * self.seconds_a_step:.0f} s"
                )


def _last(rows: list[Row]) -> Row:
    """What training logged last, without its place in the history."""
    place = ("stage", "epoch", "seconds")
    return {name: x for name, x in rows[-1].items() if name not in place}
