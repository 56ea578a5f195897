"""`two_stage`: the head first, then the top blocks at a fixed low rate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from keras_transfer._private.types import Data, PathLike, Verbose
from keras_transfer.data.class_weights import ClassWeight
from keras_transfer.models import TransferModel
from keras_transfer.recipes.best_weights import TwoStageResult
from keras_transfer.recipes.data_parts import parts
from keras_transfer.recipes.options import FineTuneOptions
from keras_transfer.recipes.plan import Plan
from keras_transfer.recipes.recipe import Recipe
from keras_transfer.recipes.stage_runner import StageRunner, TimeLimit
from keras_transfer.storage.printing import silent_at_verbose_0

_RANDOM_PATIENCE = 5


@silent_at_verbose_0
def two_stage(
    model: TransferModel,
    train: Data,
    *,
    validation: Data = None,
    epochs: int = 3,
    blocks: int | float | None = None,
    learning_rate: float = 3e-5,
    layer_decay: float = 1.0,
    gradual: bool = False,
    l2sp: float = 0.0,
    optimizer: str = "adam",
    weight_decay: float = 0.0,
    head_epochs: int = 30,
    head_learning_rate: float = 1e-3,
    class_weight: ClassWeight | None = None,
    seed: int = 0,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    checkpoint: PathLike | None = None,
    verbose: Verbose = "auto",
) -> TwoStageResult:
    """Trains the head, then the top blocks at a low rate; keeps the best.

    The stages of `fine_tune` with nothing chosen by itself: always
    fine-tuned, at a rate that stays, and the model ends with the weights of
    the epoch that was best on validation (lowest `val_loss`, or `loss`
    without validation data). The head is trained first, because the gradients
    of a random head would spoil the features below it; a linear one is solved,
    as in `fine_tune`. A model with random weights trains as a whole instead,
    as a head would, or with `head_epochs=0` as the blocks would.

    Args:
        model: a `TransferModel`; a compiled one keeps its loss and metrics,
            another one is compiled with `"auto"`.
        train: as in `fine_tune`.
        validation: as in `fine_tune`; nothing is held out for it.
        epochs: epochs for the second stage; 0 trains the head alone.
        blocks: how many blocks the second stage trains, as in `fine_tune`;
            `None` is the top third.
        learning_rate: learning rate of the second stage.
        layer_decay: as in `fine_tune`, and so are the next four.
        gradual: whether the blocks join one after the other.
        l2sp: strength of the pull to the pre-trained weights.
        optimizer: `"adam"`, `"adamw"` or `"sgd"`.
        weight_decay: weight decay of AdamW.
        head_epochs: most epochs for a head that is trained, not solved; it
            stops early when validation does not improve for 3. 0 leaves the
            head as it is, for a model that has been trained before.
        head_learning_rate: learning rate of Adam for such a head.
        class_weight: as in `fine_tune`.
        seed: seed of the sample order.
        callbacks: callbacks for both stages.
        checkpoint: as in `fine_tune`.
        verbose: as in `keras.Model.fit`.

    Returns:
        A `TwoStageResult`. Ctrl-C does not raise: it ends the training, and
        `result.interrupted` says so.

    Raises:
        ValueError: arguments or data that do not fit.

    Example:

    ```python
    model = TransferModel("MobileNetV2", head=5)
    result = two_stage(model, data.load("photos"), epochs=3)
    ```
    """
    given = FineTuneOptions(
        epochs=epochs,
        blocks=blocks,
        learning_rate=learning_rate,
        layer_decay=layer_decay,
        gradual=gradual,
        l2sp=l2sp,
        optimizer=optimizer,
        weight_decay=weight_decay,
        head_epochs=head_epochs,
        head_learning_rate=head_learning_rate,
    )
    given.check(len(model.blocks))
    if not getattr(model, "compiled", False):
        model.compile("auto")
    train, validation = parts(
        train, validation, model=model, seed=seed, class_weight=class_weight
    )
    runner = StageRunner(
        model, train, validation, TimeLimit(None), [], seed, verbose,
        checkpoint=checkpoint, always=list(callbacks),
    )  # fmt: skip
    return Recipe(
        runner, lambda counts, runner: _plan(given, runner), TwoStageResult()
    ).finished()


def _plan(given: FineTuneOptions, runner: StageRunner) -> Plan:
    model = runner.model
    num_blocks = len(model.blocks)
    common: dict[str, Any] = {
        "schedule": "constant",
        "layer_decay": given.layer_decay,
        "gradual": given.gradual,
        "l2sp": given.l2sp,
        "optimizer": given.optimizer,
        "weight_decay": given.weight_decay,
        "keeps_best_epoch": True,
    }
    if not model.is_pretrained:
        epochs, rate = given.head_epochs, given.head_learning_rate
        if not epochs:
            epochs, rate = given.epochs, given.learning_rate
        return Plan(
            None, 0.0, epochs, num_blocks, rate, patience=_RANDOM_PATIENCE,
            **common,
        )  # fmt: skip
    return Plan(
        runner.solvable_kind(),
        0.0,
        given.epochs,
        given.number_of_blocks(num_blocks) or max(1, num_blocks // 3),
        given.learning_rate,
        patience=max(1, given.epochs),
        head_epochs=given.head_epochs,
        head_rates=(given.head_learning_rate,),
        cross_validates=False,
        **common,
    )
