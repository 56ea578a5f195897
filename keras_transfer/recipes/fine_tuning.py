"""`fine_tune`: the whole of training a target model in one call."""

from keras_transfer.data import look
from keras_transfer.recipes import defaults, diagnostics, plots
from keras_transfer.recipes.best_weights import TwoStageResult, stage
from keras_transfer.recipes.data_parts import (
    hold_out,
    in_passes_of,
    parts,
)
from keras_transfer.recipes.full_tuning import FullTuningStage
from keras_transfer.recipes.head_stage import HeadStage
from keras_transfer.recipes.interpolation import set_temperature
from keras_transfer.recipes.label_counts import count_labels
from keras_transfer.recipes.stage_runner import StageRunner, TimeLimit
from keras_transfer.recipes.tuning_stage import TuningStage


class FineTuneResult(TwoStageResult):
    """The result of `fine_tune`: a `TwoStageResult` that can be drawn."""

    def plot(self, path=None):
        """Draws loss and accuracy over all epochs, the stages shaded.

        Args:
            path: a PNG file to write, or `None`.

        Returns:
            A `matplotlib.figure.Figure`.
        """
        return plots.plot_history(path, self.history)


def fine_tune(
    model,
    train,
    *,
    validation=None,
    max_minutes=None,
    epochs=None,
    blocks=None,
    learning_rate=None,
    decay=None,
    gradual=None,
    l2sp=None,
    interpolate=None,
    views=None,
    mirror=None,
    folds=None,
    batch_size=None,
    seed=0,
    callbacks=(),
    on_features=None,
    checkpoint=None,
    verbose="auto",
):
    """Trains a target model: the head first, then as far as it pays.

    1. Head. The frozen backbone runs over the data once. A linear head (for
       classes, labels or numbers) is solved on these features: logistic or
       ridge regression, the strength of its L2 penalty picked on validation,
       or by cross-validation where there are few samples; with 20 to 49
       pictures a class on these turned left to right too, unless validation
       loses. Another head is trained on them, with the best of three learning
       rates.

    With fewer than 250 labels a class, and a linear head of classes:

    2. Fine-tuning. All samples and all blocks train, from the solved head with
       its logits a tenth as large (so that there is a loss to learn from),
       with AdamW at a rate that falls linearly to 0, in batches of 16 and for
       a number of steps that the number of samples decides. Batch
       normalisation stays as it is. Nothing is held out and no epoch chosen.
    3. The head is kept instead where a paired comparison of log losses on
       validation data, or on up to three folds if they fit in three minutes,
       finds fine-tuning worse by more than one standard error. The
       temperature comes from the same comparison. Below 10 samples a class
       folds would be misled by chance, and are not asked.

    With more labels, another head, or `gradual`, `interpolate` or `views`:

    2. Fine-tuning. From the head on the top blocks train too, at a low rate
       that rises over the first tenth of the steps and falls along a cosine,
       on what the blocks below have put out once.
    3. The weights that are kept are the best on validation of those between
       the head's model and the fine-tuned one (WiSE-FT): lowest loss, and,
       from 200 validation samples on, no accuracy below the head's.
    4. Without validation data a part was held out for all that. In the end a
       head is fitted again on all samples, or a fine-tuned model goes on for
       two epochs on all of them, at a third of the rate.

    Every automatic choice is printed with its reason and kept in the result.
    All of it is made of what a user can write with `fit`; the documentation
    shows that script.

    Args:
        model: a `TransferModel`; a compiled one keeps its loss, metrics and
            regularizer, and has a fresh optimizer of its own afterwards;
            another one is compiled with `"auto"`. One with random weights
            (`weights=None`) trains as a whole instead.
        train: what `keras_transfer.data.load` returns, arrays `(x, y)` or
            `(x, y, sample_weight)`, or a data set that `fit` takes and that
            can be walked over again.
        validation: the same, or `None`.
        max_minutes: a time limit. The head of a model is always finished.
            With few labels the first steps are timed and the schedule is
            made shorter; if less than half of it fits, the head is kept. Else
            the best so far is kept.
        epochs: epochs of fine-tuning; 0 trains the head alone.
        blocks: how many blocks are fine-tuned, counted from the top.
        learning_rate: peak rate of Adam in fine-tuning.
        decay: factor of the rate from one block to the one below it, as in
            `LayerwiseOptimizer`; 1 is one rate for all.
        gradual: whether the blocks join one after the other.
        l2sp: strength of the pull to the pre-trained weights (`L2SP`).
        interpolate: whether weights between the two models are tried.
        views: for a model with augmentation, how many augmented versions of
            each sample are computed once; 0 augments anew in each epoch.
        mirror: whether a linear head of classes is solved on pictures turned
            left to right too.
        folds: how many folds judge fine-tuning with few labels, where there
            is no validation data; 0 is none. By default as many as fit the
            time, up to 3, and none below 10 samples a class.
        batch_size: samples a step. By default 16 with few labels, else as the
            data have it, or 32.
        seed: seed of the order of samples and of what is held out.
        callbacks: callbacks of fine-tuning, `TransferCheckpoint` for example.
        on_features: a function that is called once, before a linear head of
            classes is solved, with the model, the training samples as
            `SeededBatches`, their features and their integer labels.
        checkpoint: a folder for this run alone. Called again with the same
            arguments after a kill, the recipe goes on with the training that
            was under way, from its last checkpoint (one in 30 seconds), and
            ends with the weights of a run that was not killed. Remove the
            folder when you have the model.
        verbose: as in `keras.Model.fit`; 0 prints nothing.

    Returns:
        A `FineTuneResult`. Ctrl-C does not raise: it ends the training, and
        `result.interrupted` says so.

    Raises:
        ValueError: arguments or data that do not fit.

    Example:

    ```python
    model = TransferModel("MobileNetV2", head=5)
    result = fine_tune(model, data.load("photos"))
    result.plot("curves.png")
    ```

    Reference:
        Kumar et al. 2022, Fine-Tuning can Distort Pretrained Features and
        Underperform Out-of-Distribution (the head first); Kolesnikov et al.
        2020, Big Transfer (all weights, steps by the number of samples);
        Wortsman et al. 2022, Robust Fine-Tuning of Zero-Shot Models.
    """
    given = defaults.FineTuneOptions(
        epochs,
        blocks,
        learning_rate,
        decay,
        gradual,
        l2sp,
        interpolate,
        views,
        mirror,
        folds,
        batch_size,
    )
    limit = TimeLimit(max_minutes)
    given.check(len(model.blocks))
    _check_outputs(model)
    if not getattr(model, "compiled", False):
        model.compile("auto")
    train, validation = parts(
        train, validation, model=model, batch_size=batch_size or 32, seed=seed
    )
    runner = StageRunner(
        model, train, validation, limit, list(callbacks), seed, verbose,
        on_features, checkpoint,
    )  # fmt: skip
    recipe = _Recipe(runner, given)
    with look.done():
        try:
            recipe.run()
        except KeyboardInterrupt:
            recipe.result.interrupted = True
        return recipe.finished()


def _check_outputs(model):
    if len(model.outputs) > 1:
        raise ValueError(
            "fine_tune trains a model with one output. Received: "
            f"'{model.name}' with {len(model.outputs)} outputs. Train it with "
            "fit, or one model for each output."
        )


class _Recipe:
    """The stages one after the other."""

    def __init__(self, runner, given):
        self.runner, self.given = runner, given
        self.model, self.best, self.log = runner.model, runner.best, runner.log
        self.result = FineTuneResult(choices=self.log.rows)
        self.compiled = self.model.get_compile_config()
        self.judged_on, self.whole = runner.validation, runner.train
        self.counts = count_labels(self.whole.read_labels(), self.model)

    def run(self):
        plan = defaults.plan(self.counts, self.given, self.runner)
        if plan.hold_out:
            self.runner.train, self.judged_on = hold_out(
                self.whole, plan.hold_out, self.runner.seed
            )
            self.runner.validation = self.judged_on
        if not self.model.is_pretrained:
            with stage("all blocks", self.result, self.best):
                TuningStage(self.runner, plan).run()
            return
        head = HeadStage(self.runner, plan)
        with stage("head", self.result, self.best):
            head.run()
        if plan.is_full:
            self._tune_fully(plan, head)
            return
        self._refit(plan, head, *self._fine_tune(plan, head))

    def _tune_fully(self, plan, head):
        """Trains all samples for a fixed number of steps, and judges that."""
        if self._out_of_time("fine-tuning"):
            return
        self.best.restore()
        self.runner.train = in_passes_of(self.whole, plan.batch_size)
        tuning = FullTuningStage(self.runner, plan, head, self.given.folds)
        with stage("fine-tune", self.result, self.best):
            reason = tuning.run()
        if reason is not None:
            tuning.keep_head()
            choice = "those of the head alone", reason
        else:
            with stage("choice", self.result, self.best):
                choice = tuning.choose()
        self.log.decide("weights", None, *choice)

    def _fine_tune(self, plan, head):
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

    def _refit(self, plan, head, tuning, row):
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

    def _out_of_time(self, step):
        """Whether the time limit is over; then the step is logged as such."""
        limit = self.runner.limit
        is_over = limit.is_over
        if is_over:
            reason = f"the limit of {limit.minutes:g} minutes is over"
            self.log.decide(step, None, "left out", reason)
        return is_over

    def finished(self):
        self.best.restore()
        # Else the user's next `fit` would begin where the rate has ended.
        self.model.compile_from_config(self.compiled)
        self.result.best = self.best.row
        self.result.warnings = diagnostics.diagnose(
            self.counts, self.best.row, self.judged_on, self.model
        )
        for sentence in self.result.warnings:
            self.log.show(f"Note: {sentence}")
        return self.result
