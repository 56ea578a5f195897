"""The best of a search against the recipe of `fit`, on the same data."""

import keras

from keras_transfer.layers import ClassificationHead
from keras_transfer.models import TransferModel
from keras_transfer.recipes import evaluation
from keras_transfer.recipes.data_parts import HELD_OUT, parts
from keras_transfer.recipes.fine_tuning import fine_tune
from keras_transfer.tuner import trial


def compare(result, hypermodel, train, validation=None, *, seed, verbose):
    """Trains the best trial's backbone with `fine_tune`, and judges both.

    The outcome is added to `result.choices`, with both numbers.

    Args:
        result: the `SearchResult`.
        hypermodel: the `TransferHyperModel`.
        train: as in `search`.
        validation: as in `search`.
        seed: as in `search`.
        verbose: as in `fine_tune`.

    Returns:
        A sentence, empty if Ctrl-C has ended it.
    """
    train, validation = parts(train, validation, held_out=HELD_OUT, seed=seed)
    with hypermodel.strategy.scope():
        other = _model(hypermodel, result.recipe["hyperparameters"])
        trained = fine_tune(
            other, train, validation=validation, seed=seed, verbose=verbose
        )
        if trained.interrupted:
            return ""
        judged = [_judged(each, validation) for each in (result.model, other)]
    name, direction = trial.objective_of(result.tuner.oracle.objective)
    tuned, recipe = (each[name.removeprefix("val_")] for each in judged)
    winner = _better(tuned, recipe, direction)
    reason = (
        f"{name} {tuned:.4f} of the best of {len(result.trials)} trials, "
        f"{recipe:.4f} of fit's recipe on the same data"
    )
    result.choices.append(
        {"choice": "better", "value": winner, "reason": reason}
    )
    return f"Better: {winner} ({reason})."


def _judged(model, validation):
    # With one loss for both: that of a trial may smooth its labels.
    copy = model.clone()
    copy.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return evaluation.metrics_of(copy, validation)


def _model(hypermodel, settings):
    keras.utils.set_random_seed(hypermodel.seed)
    return TransferModel(
        hypermodel.backbones[settings["backbone"]],
        ClassificationHead(hypermodel.num_classes, name="head"),
        input_shape=hypermodel.input_shape,
        weights=hypermodel.weights,
    )


def _better(tuned, recipe, direction):
    if tuned == recipe:
        return "neither"
    is_tuned = (tuned > recipe) == (direction == "max")
    return "the search" if is_tuned else "fit's recipe"
