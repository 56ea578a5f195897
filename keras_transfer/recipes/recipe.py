"""`Recipe`: the stages of `fine_tune` and `two_stage`, one after the other."""

from collections.abc import Callable
from typing import Generic, TypeVar

from keras_transfer.data import class_weights, look
from keras_transfer.recipes import diagnostics
from keras_transfer.recipes.best_weights import TwoStageResult, stage
from keras_transfer.recipes.data_parts import hold_out, in_passes_of
from keras_transfer.recipes.evaluation import recall_by_class
from keras_transfer.recipes.full_tuning import FullTuningStage
from keras_transfer.recipes.head_stage import HeadStage
from keras_transfer.recipes.interpolation import set_temperature
from keras_transfer.recipes.label_counts import LabelCounts, count_labels
from keras_transfer.recipes.plan import Plan
from keras_transfer.recipes.stage_runner import StageRunner
from keras_transfer.recipes.tuning_stage import TuningStage

_Result = TypeVar("_Result", bound=TwoStageResult)


class Recipe(Generic[_Result]):
    """Trains the head, then the blocks, and gives the model what is kept.

    Args:
        runner: the `StageRunner`, with the model and the data.
        make_plan: from the `LabelCounts` and the runner to the `Plan`.
        result: what to write to, a `TwoStageResult`.
        max_folds: as in `HeadOrEnd`.
    """

    def __init__(
        self,
        runner: StageRunner,
        make_plan: Callable[[LabelCounts, StageRunner], Plan],
        result: _Result,
        max_folds: int | None = None,
    ) -> None:
        self.runner, self.make_plan = runner, make_plan
        self.result, self.max_folds = result, max_folds
        self.model, self.best, self.log = runner.model, runner.best, runner.log
        self.result.choices = self.log.rows
        self.compiled = self.model.get_compile_config()
        self.judged_on, self.whole = runner.validation, runner.train
        self.counts = count_labels(self.whole.read_labels(), self.model)
        if self.whole.class_weight:
            self.log.decide("class weights", None, *self._class_weights())

    def finished(self) -> _Result:
        """Runs, and returns the result; Ctrl-C ends it, and does not raise."""
        with look.done():
            try:
                self._run()
            except KeyboardInterrupt:
                self.result.interrupted = True
            return self._finished()

    def _run(self) -> None:
        plan = self.make_plan(self.counts, self.runner)
        if plan.hold_out:
            self.runner.train, self.judged_on = hold_out(
                self.whole, plan.hold_out, self.runner.seed
            )
            self.runner.validation = self.judged_on
        if not self.model.is_pretrained:
            with stage("all blocks", self.result, self.best):
                TuningStage(self.runner, plan).run()
            self._measure_recall()
            return
        head = HeadStage(self.runner, plan)
        name = "head" if plan.head_epochs else "start"
        with stage(name, self.result, self.best):
            head.run()
        if plan.keeps_best_epoch:
            self._go_on(plan, head)
            self._measure_recall()
            return
        tune = self._tune_fully if plan.is_full else self._fine_tune
        chosen = tune(plan, head)
        # Before the held-out samples are trained on too.
        self._measure_recall()
        self._refit(plan, head, *chosen)

    def _class_weights(self) -> tuple[str, str]:
        """The weights and the class mix that the scores assume, in words."""
        return class_weights.in_words(
            self.whole.class_weight, self.whole.read_labels(), self._names()
        )

    def _names(self) -> list[str] | None:
        return self.model.class_names or self.whole.class_names

    def _measure_recall(self) -> None:
        """With class weights, the recall of each class on validation data."""
        if not self.whole.class_weight or self.judged_on is None:
            return
        self.best.restore()
        recall = recall_by_class(self.model, self.judged_on)
        self.result.recall = recall
        mean = sum(recall.values()) / len(recall)
        rarest = min(recall, key=lambda name: recall[name])
        self.log.show(
            f"balanced accuracy on validation: {mean:.3f}; lowest recall: "
            f"{recall[rarest]:.3f} of {rarest}"
        )

    def _go_on(self, plan: Plan, head: HeadStage) -> None:
        """Fine-tunes; the best epoch of both stages is kept."""
        if plan.epochs and not self._out_of_time("fine-tuning"):
            self.best.restore()
            with stage("fine-tune", self.result, self.best):
                TuningStage(self.runner, plan, head).run()

    def _tune_fully(
        self, plan: Plan, head: HeadStage
    ) -> tuple[FullTuningStage | None, dict | None]:
        """Trains for a fixed number of steps, and judges that.

        Returns the stage and the row chosen; `None`s if it is the head's.
        """
        if self._out_of_time("fine-tuning"):
            return None, None
        self.best.restore()
        self.runner.train = in_passes_of(self.runner.train, plan.batch_size)
        tuning = FullTuningStage(self.runner, plan, head, self.max_folds)
        with stage("fine-tune", self.result, self.best):
            reason = tuning.run()
        if reason is not None:
            tuning.keep_head()
            self.log.decide("weights", None, "those of the head alone", reason)
            return None, None
        with stage("choice", self.result, self.best):
            choice = tuning.choose()
        self.log.decide("weights", None, *choice)
        return tuning, self.best.row

    def _fine_tune(
        self, plan: Plan, head: HeadStage
    ) -> tuple[TuningStage | None, dict | None]:
        """Returns the stage and the row chosen; `None`s if none was tried."""
        if not plan.epochs or self._out_of_time("fine-tuning"):
            return None, None
        self.best.restore()
        tuning = TuningStage(self.runner, plan, head)
        with stage("fine-tune", self.result, self.best):
            tuning.run()
        with stage("choice", self.result, self.best):
            row = tuning.choose()
        self.log.decide("weights", None, *tuning.choice_and_reason(row))
        return tuning, row

    def _refit(
        self,
        plan: Plan,
        head: HeadStage,
        tuning: TuningStage | FullTuningStage | None,
        row: dict | None,
    ) -> None:
        step = "training again on all samples"
        if not plan.hold_out or self._out_of_time(step):
            return
        kept = self.model.get_weights()
        self.runner.train, self.runner.validation = self.whole, None
        self.best.restore()
        with stage("on all samples", self.result, self.best):
            # Without validation data there is no epoch to be the best.
            self.runner.best = self.best.beside()
            if row is not None and row["share"]:
                tuning.go_on()
            else:
                head.again()
                if row is not None:
                    set_temperature(self.model, row)
        if self._out_of_time(step):
            self.model.set_weights(kept)
        self.best.weights = self.model.get_weights()

    def _out_of_time(self, step: str) -> bool:
        """Whether the time limit is over; then the step is logged as such."""
        limit = self.runner.limit
        is_over = limit.is_over
        if is_over:
            reason = f"the limit of {limit.minutes:g} minutes is over"
            self.log.decide(step, None, "left out", reason)
        return is_over

    def _finished(self) -> _Result:
        self.best.restore()
        # Else the user's next `fit` would begin where the rate has ended.
        self.model.compile_from_config(self.compiled)
        self.result.best = self.best.row
        self.result.warnings = diagnostics.diagnose(
            self.counts, self.best.row, self.judged_on, self.model,
            is_weighted=bool(self.whole.class_weight),
        )  # fmt: skip
        for sentence in self.result.warnings:
            self.log.show(f"Note: {sentence}")
        return self.result
