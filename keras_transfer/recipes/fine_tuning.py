"""`fine_tune`: the whole of training a target model in one call."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal

import keras

from keras_transfer._private.types import Data, PathLike, Verbose
from keras_transfer.data.class_weights import ClassWeight
from keras_transfer.models import TransferModel
from keras_transfer.recipes import adapting, defaults, plots

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from keras_transfer.recipes.adapting import Adaptation

from keras_transfer.recipes.best_weights import TwoStageResult
from keras_transfer.recipes.data_parts import parts
from keras_transfer.recipes.options import FineTuneOptions
from keras_transfer.recipes.recipe import Recipe
from keras_transfer.recipes.stage_runner import StageRunner, TimeLimit
from keras_transfer.storage.printing import silent_at_verbose_0


@dataclasses.dataclass(repr=False)
class FineTuneResult(TwoStageResult):
    """The result of `fine_tune`: a `TwoStageResult` that can be drawn.

    Attributes:
        adaptation: with `unlabelled`, the `Adaptation` to it; its `model` is
            the one that was trained.
    """

    adaptation: Adaptation | None = None

    def plot(self, path: PathLike | None = None) -> Figure:
        """Draws loss and accuracy over all epochs, the stages shaded.

        Args:
            path: a PNG file to write, or `None`.

        Returns:
            A `matplotlib.figure.Figure`.
        """
        return plots.plot_history(path, self.history)


@silent_at_verbose_0
def fine_tune(
    model: TransferModel,
    train: Data,
    *,
    validation: Data = None,
    effort: Literal["quick", "normal", "best"] = "normal",
    unlabelled: Data = None,
    max_minutes: float | None = None,
    epochs: int | None = None,
    blocks: int | float | None = None,
    learning_rate: float | None = None,
    layer_decay: float | None = None,
    gradual: bool | None = None,
    l2sp: float | None = None,
    optimizer: str | None = None,
    weight_decay: float | None = None,
    head_epochs: int | None = None,
    head_learning_rate: float | None = None,
    interpolate: bool | None = None,
    views: int | None = None,
    horizontal_flips: bool | None = None,
    folds: int | None = None,
    batch_size: int | None = None,
    class_weight: ClassWeight | None = None,
    mixing: Literal["mixup", "cutmix"] | None = None,
    seed: int = 0,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    on_features: Callable | None = None,
    checkpoint: PathLike | None = None,
    verbose: Verbose = "auto",
) -> FineTuneResult:
    """Trains a target model: the head first, then as far as it pays.

    1. Head. The frozen backbone runs over the data once. A linear head (for
       classes, labels or numbers) is solved on these features: logistic or
       ridge regression, the strength of its L2 penalty picked on validation,
       or by cross-validation where there are few samples; from 20 pictures
       a class on on these turned left to right too, unless validation loses.
       Another head is trained on them, with the best of three learning rates.

    With fewer than 1,000 labels a class, and a linear head of classes:

    2. Fine-tuning. All blocks train, from the solved head with its logits a
       tenth as large (so that there is a loss to learn from), with AdamW at a
       rate that falls linearly to 0, in batches of 16 and for a number of
       steps that the number of samples decides; on flipped pictures too where
       the head has gained by them. Batch normalisation stays as it is. Below
       250 labels a class nothing is held out. No epoch is chosen.
    3. The head is kept instead where a paired comparison of log losses on
       validation data, or on up to three folds if they fit in three minutes,
       finds fine-tuning worse by more than one standard error. The
       temperature comes from the same comparison. Below 10 samples a class
       folds would be misled by chance, and are not asked. Without validation
       data the head is also kept if the training loss ends above its
       cross-validated one. From 250
       labels a class on a part is held out for that, and trained on in the
       end.

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
        effort: `"quick"` solves the head and trains nothing else. `"best"`
            fine-tunes, with a linear head of classes and any number of
            labels, all blocks with twice the steps, three times, each in an
            order of its own; the weights of these ends are averaged one after
            the other as long as that lowers the loss on validation, or on
            folds however long they take. With another head it doubles the
            epochs.
        unlabelled: inputs of the target without labels, to which the trained
            model is set in the end, as by `adapt`; for a model of several
            `levels`.
        max_minutes: a time limit. The head of a model is always finished.
            Where all blocks train the first steps are timed and the schedule is
            made shorter; if less than half of it fits, the head is kept. Else
            the best so far is kept.
        epochs: epochs of fine-tuning; 0 trains the head alone.
        blocks: how many blocks are fine-tuned, counted from the top; a float
            is a share of them, up to 1.0 for all.
        learning_rate: peak rate of fine-tuning.
        layer_decay: factor of the rate from one block to the one below it
            (`LayerwiseOptimizer`); 1 is one rate for all.
        gradual: whether the blocks join one after the other.
        l2sp: strength of the pull to the pre-trained weights (`L2SP`).
        optimizer: `"adam"`, `"adamw"` or `"sgd"`, of fine-tuning. By default
            AdamW with few labels, else Adam.
        weight_decay: weight decay of AdamW; 0.01 by default.
        head_epochs: most epochs of a head that is trained, not solved; it
            stops when validation has not improved for 3. 20 by default; 0
            leaves the head as it is, for a model that was trained before.
        head_learning_rate: rate of Adam for a head that is trained. By
            default the best of three on validation.
        interpolate: whether weights between the two models are tried.
        views: for a model with augmentation, how many augmented versions of
            each sample are computed once; 0 augments anew in each epoch.
        horizontal_flips: whether a linear head of classes is solved on
            pictures turned left to right too.
        folds: how many folds judge fine-tuning with few labels, where there
            is no validation data; 0 is none. By default as many as fit the
            time, up to 3, and none below 10 samples a class.
        batch_size: samples a step. By default 16 with few labels, else as the
            data have it, or 32.
        class_weight: `"balanced"`, or a dict from names or indices of classes
            to weights (1 for those left out), for a softmax. They multiply
            the weights of training and validation samples: head, fine-tuning
            and every choice go by the weighted loss, and by balanced accuracy
            where accuracy counts. The scores then assume the weighted mix of
            classes, with `"balanced"` that all are equally common.
        mixing: `"mixup"` or `"cutmix"`: fine-tuning sees mixed samples, as in
            `TransferModel.fit`; the head is solved on the samples as they
            are. Nothing is cached for it then.
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
        Wortsman et al. 2022, Robust Fine-Tuning of Zero-Shot Models, and
        Model Soups (several ends averaged).
    """
    given = FineTuneOptions(
        epochs,
        blocks,
        learning_rate,
        layer_decay,
        gradual,
        l2sp,
        optimizer,
        weight_decay,
        head_epochs,
        head_learning_rate,
        interpolate,
        views,
        horizontal_flips,
        folds,
        batch_size,
        effort,
        mixing,
    )
    limit = TimeLimit(max_minutes)
    given.check(len(model.blocks))
    _check_outputs(model)
    if unlabelled is not None:
        adapting.check_adaptable(model)
        unlabelled = adapting.images_to_adapt_to(unlabelled, seed)
    if not getattr(model, "compiled", False):
        model.compile("auto")
    if mixing is not None:
        model._check_mixing(mixing, cached=False)
    train, validation = parts(
        train, validation, model=model, batch_size=batch_size or 32,
        seed=seed, class_weight=class_weight,
    )  # fmt: skip
    runner = StageRunner(
        model, train, validation, limit, list(callbacks), seed, verbose,
        on_features, checkpoint,
    )  # fmt: skip
    result = Recipe(
        runner,
        lambda counts, runner: defaults.plan(counts, given, runner),
        FineTuneResult(),
        folds,
    ).finished()
    if unlabelled is not None and not result.interrupted:
        _adapt(runner, unlabelled, result)
    return result


def _adapt(
    runner: StageRunner, unlabelled: Data, result: FineTuneResult
) -> None:
    """Sets the trained model to the target's inputs."""
    validation = runner.validation
    if not adapting.can_be_estimated(runner.model, validation):
        validation = None
    found = adapting.adapt(
        runner.model, unlabelled, validation=validation, seed=runner.seed,
        verbose=runner.verbose,
    )  # fmt: skip
    runner.model.set_weights(found.model.get_weights())
    result.adaptation = dataclasses.replace(found, model=runner.model)
    result.warnings += found.warnings
    runner.log.show(f"adapted: {result.adaptation!r}")


def _check_outputs(model: TransferModel) -> None:
    if len(model.outputs) > 1:
        raise ValueError(
            "fine_tune trains a model with one output. Received: "
            f"'{model.name}' with {len(model.outputs)} outputs. Train it with "
            "fit, or one model for each output."
        )
