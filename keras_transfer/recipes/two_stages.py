"""`two_stage`: the head first, then the top blocks at a fixed low rate."""

import keras

from keras_transfer.data.batches import ArrayBatches
from keras_transfer.layers import ClassificationHead, RegressionHead
from keras_transfer.recipes import best_weights, head_stage
from keras_transfer.recipes.checkpointing import checkpoints
from keras_transfer.recipes.training import (
    compile_like,
    fits_in_memory,
    statistics_callbacks,
)
from keras_transfer.storage.printing import silent_at_verbose_0
from keras_transfer.training.freezing import set_trainable_depth


@silent_at_verbose_0
def two_stage(
    model,
    data,
    *,
    head_epochs=30,
    epochs=3,
    blocks=None,
    head_rate=1e-3,
    fine_tune_rate=3e-5,
    seed=0,
    callbacks=(),
    checkpoint=None,
    verbose="auto",
):
    """Trains the head, then the top blocks at a low rate; keeps the best.

    The head is trained first, because the gradients of a random head would
    spoil the features below it. While everything below the head is frozen and
    nothing is augmented, its features are computed once, in inference mode,
    not once an epoch; a linear softmax head on them is then solved by logistic
    regression (without the head's dropout), with the strength of its L2
    penalty picked on validation.
    Whatever the second stage does, the model ends with the weights of the
    epoch that was best on validation (lowest `val_loss`, or `loss` without
    validation data).

    Args:
        model: a `TransferModel`; a compiled one keeps its loss and metrics,
            another one is compiled with `"auto"`.
        data: what `keras_transfer.data.load` returns, or any object with
            `.train` and `.validation` (may be `None`) that `fit` takes.
        head_epochs: most epochs for a head that is trained, not solved; it
            stops early when validation does not improve for 5. 0 leaves the
            head as it is, for a model that has been trained before.
        epochs: epochs for the second stage; 0 trains the head alone.
        blocks: how many blocks the second stage trains; `None` is the top
            third.
        head_rate: learning rate of Adam for the head.
        fine_tune_rate: learning rate of Adam for the second stage.
        seed: seed of the sample order.
        callbacks: callbacks for both stages.
        checkpoint: as in `fine_tune`.
        verbose: as in `keras.Model.fit`.

    Returns:
        A `TwoStageResult`. Ctrl-C does not raise: it ends the training, and
        `result.interrupted` says so.

    Example:

    ```python
    model = TransferModel("MobileNetV2", head=5)
    result = two_stage(model, data.load("photos"), epochs=3)
    ```
    """
    if not getattr(model, "compiled", False):
        model.compile("auto")
    best = best_weights.BestWeights(model)
    result = best_weights.TwoStageResult()
    options = {"seed": seed, "callbacks": list(callbacks), "verbose": verbose}
    try:
        if head_epochs:
            with best_weights.stage("head", result, best):
                _train_head(
                    model, data, head_epochs, head_rate, best, options,
                    checkpoints(checkpoint, "head"),
                )  # fmt: skip
        else:
            with best_weights.stage("start", result, best):
                best.add_present(data)
        if epochs:
            share = max(1, len(model.blocks) // 3)
            best.restore()
            with best_weights.stage("fine-tune", result, best):
                set_trainable_depth(model, share if blocks is None else blocks)
                _fit(
                    model, data, epochs, fine_tune_rate, best, options,
                    checkpoints(checkpoint, "fine-tune"),
                )  # fmt: skip
    except KeyboardInterrupt:
        result.interrupted = True
    best.restore()
    result.best = best.row
    return result


def _fit(model, data, epochs, rate, best, options, saved):
    compile_like(model, model, keras.optimizers.Adam(rate))
    cached = fits_in_memory(model, data.train.num_samples)
    statistics = statistics_callbacks(model, data.train)
    model.fit(
        data.train,
        validation_data=data.validation,
        epochs=epochs,
        feature_cache="memory" if cached else None,
        **options
        | {"callbacks": [*statistics, best, *saved, *options["callbacks"]]},
    )


def _train_head(model, data, epochs, rate, best, options, saved):
    stop = best_weights.early_stopping(data.validation, patience=5)
    options = options | {"callbacks": [stop, *options["callbacks"]]}
    if not _features_stand_still(model):
        _fit(model, data, epochs, rate, best, options, saved)
        return
    show = options["verbose"]
    train = head_stage.pooled_once(model, data.train, "training", show)
    validation = data.validation
    if validation is not None:
        validation = head_stage.pooled_once(
            model, validation, "validation", show
        )
    if head_stage.solvable_kind(model) == "softmax":
        head_stage.solve_head(model, train, validation, best)
        return
    # The model's own head, weights shared, on vectors that are ready.
    inputs = keras.Input(train[0].shape[1:], name="features")
    head_alone = keras.Model(inputs, model.head(inputs))
    compile_like(head_alone, model, keras.optimizers.Adam(rate))
    head_alone.fit(
        ArrayBatches(*train, seed=options["seed"]),
        validation_data=validation,
        epochs=epochs,
        shuffle=False,
        callbacks=[best, *options["callbacks"]],
        verbose=show,
    )


def _features_stand_still(model):
    ours = isinstance(model.head, (ClassificationHead, RegressionHead))
    return ours and model.augmentation is None and model.trainable_depth == 0
