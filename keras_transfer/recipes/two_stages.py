"""`two_stage`: the head first, then the top blocks at a fixed low rate."""

from keras_transfer.recipes.best_weights import TwoStageResult
from keras_transfer.recipes.data_parts import parts
from keras_transfer.recipes.head_stage import solvable_kind
from keras_transfer.recipes.options import FineTuneOptions
from keras_transfer.recipes.plan import Plan
from keras_transfer.recipes.recipe import Recipe
from keras_transfer.recipes.stage_runner import StageRunner, TimeLimit

_RANDOM_PATIENCE = 5


def two_stage(
    model,
    train,
    *,
    validation=None,
    head_epochs=30,
    epochs=3,
    blocks=None,
    head_learning_rate=1e-3,
    learning_rate=3e-5,
    seed=0,
    callbacks=(),
    checkpoint=None,
    verbose="auto",
):
    """Trains the head, then the top blocks at a low rate; keeps the best.

    The stages of `fine_tune` with nothing chosen by itself: always
    fine-tuned, at a rate that stays, and the model ends with the weights of
    the epoch that was best on validation (lowest `val_loss`, or `loss`
    without validation data). The head is trained first, because the gradients
    of a random head would spoil the features below it; a linear one is solved,
    as in `fine_tune`. A model with random weights trains as a whole instead,
    as a head would.

    Args:
        model: a `TransferModel`; a compiled one keeps its loss and metrics,
            another one is compiled with `"auto"`.
        train: as in `fine_tune`.
        validation: as in `fine_tune`; nothing is held out for it.
        head_epochs: most epochs for a head that is trained, not solved; it
            stops early when validation does not improve for 3. 0 leaves the
            head as it is, for a model that has been trained before.
        epochs: epochs for the second stage; 0 trains the head alone.
        blocks: how many blocks the second stage trains, as in `fine_tune`;
            `None` is the top third.
        head_learning_rate: learning rate of Adam for the head.
        learning_rate: learning rate of Adam for the second stage.
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
        head_epochs=head_epochs,
        head_learning_rate=head_learning_rate,
    )
    given.check(len(model.blocks))
    if not getattr(model, "compiled", False):
        model.compile("auto")
    train, validation = parts(train, validation, model=model, seed=seed)
    runner = StageRunner(
        model, train, validation, TimeLimit(None), [], seed, verbose,
        checkpoint=checkpoint, always=list(callbacks),
    )  # fmt: skip
    return Recipe(
        runner, lambda counts, runner: _plan(model, given), TwoStageResult()
    ).finished()


def _plan(model, given):
    num_blocks = len(model.blocks)
    if not model.is_pretrained:
        return Plan(
            None,
            0.0,
            given.head_epochs,
            num_blocks,
            given.head_learning_rate,
            "constant",
            patience=_RANDOM_PATIENCE,
            keeps_best_epoch=True,
        )
    return Plan(
        solvable_kind(model),
        0.0,
        given.epochs,
        given.number_of_blocks(num_blocks) or max(1, num_blocks // 3),
        given.learning_rate,
        "constant",
        patience=max(1, given.epochs),
        head_epochs=given.head_epochs,
        head_rates=(given.head_learning_rate,),
        keeps_best_epoch=True,
        cross_validates=False,
    )
