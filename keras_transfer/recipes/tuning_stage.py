"""The top blocks, from a solved or trained head on."""

from __future__ import annotations

import numpy as np

from keras_transfer.callbacks import FreezingScheduler
from keras_transfer.feature_cache import FeatureCache
from keras_transfer.recipes import interpolation
from keras_transfer.recipes.compiling import compile_to_tune
from keras_transfer.recipes.head_stage import HeadStage
from keras_transfer.recipes.plan import Plan
from keras_transfer.recipes.stage_runner import StageRunner
from keras_transfer.recipes.training import statistics_callbacks
from keras_transfer.recipes.writers import Row
from keras_transfer.training.freezing import freeze_state
from keras_transfer.training.schedules import GradualUnfreezing

# On all samples there is nothing left to judge by, so it is gone on with
# carefully (chosen on held-out photos, against training from the head again).
EPOCHS_ON_ALL = 2
SHARE_OF_RATE = 0.3


class TuningStage:
    """Trains the top blocks, and chooses what of that is kept.

    Args:
        runner: the `StageRunner`; its model has the weights to start from.
        plan: the `Plan`.
        head: the `HeadStage` that has solved it, `None` if there was none.
    """

    def __init__(
        self, runner: StageRunner, plan: Plan, head: HeadStage | None = None
    ) -> None:
        self.runner, self.plan, self.model = runner, plan, runner.model
        self.head = head
        self.start = self.model.get_weights()
        if plan.views:
            runner.cache = FeatureCache("memory", views=plan.views)

    def run(self) -> None:
        """Trains; `tuned` remembers the best epoch, `last` are the weights."""
        best = self.runner.best
        self.tuned = best if self.plan.keeps_best_epoch else best.beside()
        self._prepare(self.plan.epochs, self.plan.rate)
        try:
            self.runner.fit(
                self.plan.epochs,
                self.plan.patience,
                depth=self.plan.blocks,
                name="fine-tune",
                best=self.tuned,
                mixing=self.plan.mixing,
                first=self._gradually(),
                last=self.runner.callbacks,
            )
        finally:
            if not best.row:
                best.row, best.weights = self.tuned.row, self.tuned.weights
        self.last = self.model.get_weights()

    def choose(self) -> Row:
        """Gives the model the best weights between start and end.

        Returns:
            The row of what was chosen: `share` of the way, `epochs` after
            which the end was read, `val_loss` and the metrics.
        """
        runner, blocks = self.runner, self.plan.blocks
        judged = interpolation.part_to_judge(
            self.model, runner.validation, depth=blocks,
            cache=runner.cache_at(blocks), verbose=runner.verbose,
        )  # fmt: skip
        rows, ends = [], self._ends()
        prior = self.head.temperature_for(runner.validation.num_samples)
        for epochs, end in ends.items():
            # The start is the same for both ends.
            shares = self._shares()[bool(rows) :]
            found = interpolation.evaluate_shares(
                self.model, *judged, self.start, end, shares, prior
            )
            rows += [
                row | {"epochs": epochs if row["share"] else 0} for row in found
            ]
        row = interpolation.best_of(
            rows,
            runner.validation.num_samples,
            bool(runner.validation.class_weight),
        )
        end = ends.get(row["epochs"], self.start)
        self.model.set_weights(
            interpolation.between_weights(self.start, end, row["share"])
        )
        interpolation.set_temperature(self.model, row)
        runner.best.add_solved(rows, row, 0.0)
        return row

    def go_on(self) -> None:
        """Trains what was chosen for a while on all samples."""
        self._prepare(EPOCHS_ON_ALL, SHARE_OF_RATE * self.plan.rate)
        mixing, cache = self.plan.mixing, None
        if not mixing:
            cache = self.runner.cache_at(self.plan.blocks)
        self.model.fit(
            self.runner.train,
            epochs=EPOCHS_ON_ALL,
            feature_cache=cache,
            mixing=mixing,
            callbacks=[
                *statistics_callbacks(self.model, self.runner.train),
                self.runner.limit,
                *self.runner.saved("on all samples"),
            ],
            verbose=self.runner.verbose,
        )

    def choice_and_reason(self, row: Row) -> tuple[str, str]:
        """Which weights were chosen, and why, in words."""
        first = next(
            r for r in self.runner.best.rows
            if r["stage"] == "choice" and r["share"] == 0
        )  # fmt: skip
        if row["share"] == 0:
            return (
                "those of the head alone",
                f"nothing fine-tuned has a validation loss below "
                f"{first['val_loss']:.4f}, or only with a lower accuracy",
            )
        return (
            f"{row['share']:.0%} of the way to epoch {row['epochs']}",
            f"validation loss {row['val_loss']:.4f} after "
            f"{first['val_loss']:.4f} of the head alone",
        )

    def _prepare(self, epochs: int, peak: float) -> None:
        """Sets which blocks train, and at which rate."""
        num_steps = epochs * len(self.runner.train)
        compile_to_tune(self.model, self.plan, num_steps, rate=peak)

    def _gradually(self) -> list[FreezingScheduler]:
        if not self.plan.gradual:
            return []
        step = max(1, -(-self.plan.blocks // self.plan.epochs))
        schedule = GradualUnfreezing(
            0, 1, blocks_per_step=step, max_blocks=self.plan.blocks
        )
        return [FreezingScheduler(schedule)]

    def _shares(self) -> tuple[float, ...]:
        moves_statistics = freeze_state(self.model).train_batch_norm
        if self.plan.interpolate and not moves_statistics:
            return interpolation.SHARES
        return (0.0, 1.0)

    def _ends(self) -> dict[int, list[np.ndarray]]:
        """The fine-tuned weights to look at, by the epochs they took."""
        rows = self.tuned.rows_of_stage
        last = rows[-1]["epoch"] if rows else self.plan.epochs
        ends = {last: self.last}
        if self.tuned.weights is not None:
            ends.setdefault(self.tuned.row["epoch"], self.tuned.weights)
        return ends
