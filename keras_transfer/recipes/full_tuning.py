"""Fine-tuning of all blocks, for a fixed number of steps."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np

from keras_transfer._private.types import Verbose
from keras_transfer.data.horizontal_flips import WithFlips
from keras_transfer.data.seeded_batches import SeededBatches
from keras_transfer.feature_cache import FeatureCache
from keras_transfer.recipes.compiling import compile_to_tune
from keras_transfer.recipes.data_parts import in_passes_of
from keras_transfer.recipes.head_or_end import HeadOrEnd
from keras_transfer.recipes.head_stage import HeadStage, set_head
from keras_transfer.recipes.interpolation import (
    between_weights,
    set_temperature,
)
from keras_transfer.recipes.judging import Comparison
from keras_transfer.recipes.plan import Plan
from keras_transfer.recipes.stage_runner import StageRunner
from keras_transfer.recipes.training import statistics_callbacks
from keras_transfer.recipes.tuning_stage import EPOCHS_ON_ALL, SHARE_OF_RATE
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

    With `plan.ends` there are several trainings, each in an order of its own.
    Their weights are averaged one after the other, as long as that lowers the
    log loss there; where nothing tells, all of them.

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
        self.epochs, self.averages = plan.epochs, []

    def run(self) -> str | None:
        """Trains on all samples; `averages` are of one end, of two, ...

        Returns:
            Why the head alone is to be kept; `None` if there is no reason.
        """
        self._prepare()
        if reason := self._shorten():
            return reason
        self.rows = self.runner.best.beside()
        started = time.perf_counter()
        for number in range(self.plan.ends):
            if reason := self._train_end(number):
                break
            self.averages.append(
                _with_one_more(self.averages, self.model.get_weights())
            )
        self.seconds = time.perf_counter() - started
        return None if self.averages else reason

    def choose(self) -> tuple[str, str]:
        """Gives the model the weights that are kept, of the head or the end.

        Returns:
            The value and the reason of the choice, in words.
        """
        found, where = HeadOrEnd(self, self.max_folds).compared()
        if not found:
            return self._chosen_without_comparison()
        rows = [{"share": 0.0, "temperature": 1.0, **found[0].old}] + [
            {
                "share": 1.0,
                "temperature": each.temperature,
                **self._about(number),
                **each.new,
            }
            for number, each in enumerate(found, start=1)
        ]
        lowest = _last_that_lowers(found)
        reason = None
        if self.runner.validation is None:
            # Few samples in folds may not tell; this does.
            reached = _last(self.rows.rows_of_stage)
            reason = self._too_little(reached["loss"])
        is_worse = found[lowest].is_worse or reason is not None
        row = rows[0 if is_worse else 1 + lowest]
        self._keep(rows, row)
        return (
            self._end_in_words(row),
            reason or f"{found[lowest]} {where}",
        )

    def _chosen_without_comparison(self) -> tuple[str, str]:
        reached = _last(self.rows.rows_of_stage)
        row = {
            "share": 1.0,
            "temperature": max(1.0, self.head.temperature()),
            **self._about(len(self.averages)),
            **reached,
        }
        reason = self._too_little(reached["loss"])
        if reason is not None:
            before = self.head.held_out_loss
            row = {"share": 0.0, "temperature": 1.0, "val_loss": before}
        self._keep([row], row)
        return (
            self._end_in_words(row),
            reason or "nothing was held out to compare with",
        )

    def train_again(
        self, data: SeededBatches, probe: Probe, name: str
    ) -> Iterator[None]:
        """Trains on other samples, from another solved head.

        Yields after each of as many ends as on all samples; the model then has
        the average of those until then.

        Args:
            data: the samples, `SeededBatches`.
            probe: the `Probe` of the head.
            name: of the training, as in `StageRunner.saved`.
        """
        averages = []
        for number in range(len(self.averages)):
            self._begin(probe)
            saved = self.runner.saved(_named(name, number))
            self._fit(data, number, [*self._statistics(), *saved])
            averages.append(_with_one_more(averages, self.model.get_weights()))
            self.model.set_weights(averages[-1])
            yield

    def keep_head(self) -> None:
        """Gives the model the solved head on the source's features."""
        self.model.set_weights(self.start)

    def go_on(self) -> None:
        """Trains what was chosen for a while on all samples."""
        self.runner.train = in_passes_of(
            self.runner.train, self.plan.batch_size
        )
        self.epochs = EPOCHS_ON_ALL
        rate = SHARE_OF_RATE * self.plan.rate
        compile_to_tune(self.model, self.plan, self._num_steps(), rate=rate)
        last = [self.runner.limit, *self.runner.saved("on all samples")]
        self._fit(
            self.runner.train, 0, self._statistics(), last, self.runner.verbose
        )

    def _train_end(self, number: int) -> str | None:
        """Trains on all samples; returns what went wrong."""
        runner = self.runner
        if number:
            if runner.limit.is_over:
                return "no time is left"
            self._begin()
            self.rows.about = {"end": number + 1}
        before = len(self.rows.rows_of_stage)
        saved = runner.saved(_named("fine-tune", number))
        self._fit(
            runner.train,
            number,
            [*self._statistics(), self.rows, _Clock(self), runner.limit],
            [*runner.callbacks, *runner.always, *saved],
            runner.verbose,
            validation_data=runner.validation if runner.validates else None,
            **runner.fit_options,
        )
        return self._went_wrong(self.rows.rows_of_stage[before:])

    def announce(
        self, seconds_a_step: float, steps_done: int, compiling: float
    ) -> None:
        """Says how long it will take, with the folds that then judge it."""
        if self.averages or self._num_steps() <= steps_done:
            return
        ends, steps = self.plan.ends, self._num_steps()
        seconds = ends * steps * seconds_a_step
        times = f"{ends} times " if ends > 1 else ""
        whole = seconds + compiling
        text = f"fine-tuning: {times}{steps} steps, about {whole:.0f} s"
        if self.head is not None:
            judge = HeadOrEnd(self, self.max_folds)
            folds, _ = judge.number_of_folds(seconds)
            if folds > 1:
                whole += folds * seconds
                text += f", with {folds} folds {whole:.0f} s"
        self.runner.log.show(text)

    def _about(self, number: int) -> Row:
        return {"ends": number} if self.plan.ends > 1 else {}

    def _end_in_words(self, row: Row) -> str:
        if not row["share"]:
            return "those of the head alone"
        steps = f"{self._num_steps()} steps of fine-tuning"
        number = row.get("ends", 1)
        if number > 1:
            return f"the average of {number} ends, each after {steps}"
        return f"those after {steps}"

    def _num_steps(self) -> int:
        return self.epochs * len(self.runner.train)

    def _keep(self, rows: list[Row], row: Row) -> None:
        kept = self.start
        if row["share"]:
            kept = self.averages[row.get("ends", 1) - 1]
        self.model.set_weights(kept)
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
        number: int = 0,
        callbacks: Sequence[keras.callbacks.Callback] = (),
        last: Sequence[keras.callbacks.Callback] = (),
        verbose: Verbose = 0,
        **options: Any,
    ) -> None:
        flips = self.plan.trains_flips and self.head.uses_flips
        if flips or number:
            seed = data.seed + number
            data = (WithFlips(data) if flips else data).reordered(seed)
        # As many steps as on all samples, whatever part of them this is.
        self.epochs_to_fit = math.ceil(self._num_steps() / len(data))
        self.model.fit(
            data,
            epochs=self.epochs_to_fit,
            feature_cache=self._cache(),
            mixing=self.plan.mixing,
            callbacks=[*callbacks, *last],
            verbose=verbose,
            **options,
        )

    def _cache(self) -> FeatureCache | None:
        blocks = self.plan.blocks
        if blocks == len(self.model.blocks) or self.plan.mixing:
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
            mixing=self.plan.mixing,
            callbacks=[clock, runner.limit],
            verbose=0,
        )
        left = runner.limit.seconds_left
        seconds = self.plan.ends * (clock.seconds_a_step or 0)
        possible = left / seconds if seconds else 0
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

    def _went_wrong(self, rows: list[Row]) -> str | None:
        losses = [row["loss"] for row in rows]
        if not np.isfinite(losses).all():
            return "the training loss became NaN or infinite"
        if self.runner.limit.is_over and len(rows) < self.epochs_to_fit:
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

    def _too_little(self, loss: float) -> str | None:
        """Why the end is sure to be worse than the head, `None` if it is not.

        It is if it knows less of what it trained on than the head of samples
        that that has not seen: for such a model the rate is too low, or the
        steps are too few.
        """
        before = self.head.held_out_loss
        draws = self.model.augmentation is not None or self.plan.mixing
        if before is None or draws or loss < before:
            return None
        return (
            f"the training loss ended at {loss:.4f}, and the head has "
            f"{before:.4f} on samples it was not fitted to; a higher "
            "learning_rate may bring more"
        )


class _Clock(keras.callbacks.Callback):
    """Times steps, and says how long the training will take."""

    seconds_a_step: float | None = None

    def __init__(self, stage: FullTuningStage) -> None:
        super().__init__()
        self.stage, self.steps = stage, 0

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        self.begun = time.perf_counter()

    def on_train_batch_end(
        self, batch: int, logs: dict[str, float] | None = None
    ) -> None:
        self.steps += 1
        if self.steps == _COMPILING:
            self.started = time.perf_counter()
        if self.steps == _COMPILING + _TIMED:
            seconds = time.perf_counter() - self.started
            self.seconds_a_step = seconds / _TIMED
            self.stage.announce(
                self.seconds_a_step, self.steps, self.started - self.begun
            )


def _named(name: str, number: int) -> str:
    return f"{name}, end {number + 1}" if number else name


def _with_one_more(
    averages: list[list[np.ndarray]], weights: list[np.ndarray]
) -> list[np.ndarray]:
    """The average of one more end than the last of `averages`."""
    if not averages:
        return weights
    share = 1 / (len(averages) + 1)
    return between_weights(averages[-1], weights, share)


def _last_that_lowers(found: list[Comparison]) -> int:
    """The number of the last average that lowers the loss of the one before."""
    for number, (one, more) in enumerate(itertools.pairwise(found)):
        if more.difference >= one.difference:
            return number
    return len(found) - 1


def _last(rows: list[Row]) -> Row:
    """What training logged last, without its place in the history."""
    place = ("stage", "epoch", "seconds")
    return {name: x for name, x in rows[-1].items() if name not in place}
