"""Trains once more what a search has found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keras_transfer._private.types import Data, Verbose
from keras_transfer.data.class_weights import ClassWeight
from keras_transfer.recipes import best_weights
from keras_transfer.recipes.data_parts import HELD_OUT, parts
from keras_transfer.tuner import trial
from keras_transfer.tuner.objectives import objective_of
from keras_transfer.tuner.settings import Settings

if TYPE_CHECKING:
    import keras_tuner

    from keras_transfer.models.transfer.transfer_model import TransferModel
    from keras_transfer.recipes.writers import Row


def repeat_trial(
    model: TransferModel,
    settings: Settings,
    train: Data,
    *,
    validation: Data = None,
    epochs: int | None = None,
    head_epochs: int | None = None,
    objective: str | keras_tuner.Objective = "val_accuracy",
    class_weight: ClassWeight | None = None,
    seed: int = 0,
    verbose: Verbose = "auto",
) -> best_weights.TwoStageResult:
    """Trains a model as a trial of `search` was trained.

    With the data, the seed and the software of the search it reaches the same
    score. The weights of the best epoch are kept.

    Args:
        model: what `trial_model.build` returned.
        settings: the `Settings`.
        train: as in `search`.
        validation: as in `search`.
        epochs: as in `search`.
        head_epochs: epochs of the first phase.
        objective: what decides about the best epoch, as in `search`.
        class_weight: as in `search`.
        seed: seed of the order of samples and of what is held out.
        verbose: as in `keras.Model.fit`.

    Returns:
        A `TwoStageResult`.
    """
    # As much is held out as in a search.
    train, validation = parts(
        train, validation, held_out=HELD_OUT, seed=seed,
        class_weight=class_weight, num_classes=model.output_shape[-1],
    )  # fmt: skip
    runs_all = trial.reasons_to_run_all(settings, model, train)
    result = best_weights.TwoStageResult()
    best = _BestByObjective(model, objective)
    try:
        with best_weights.stage("trial", result, best):
            trial.train(
                settings,
                model,
                train,
                epochs=epochs,
                head_epochs=head_epochs,
                callbacks=[best],
                feature_cache=None if runs_all else "memory",
                seed=seed,
                validation_data=validation,
                verbose=verbose,
            )
    except KeyboardInterrupt:
        result.interrupted = True
    best.restore()
    result.best = best.row
    return result


class _BestByObjective(best_weights.BestWeights):
    """Remembers the first epoch with the best objective, as KerasTuner does."""

    def __init__(
        self, whole: TransferModel, objective: str | keras_tuner.Objective
    ):
        super().__init__(whole)
        self.objective, self.direction = objective_of(objective)

    def is_better(self, row: Row) -> bool:
        new, old = row[self.objective], self.row[self.objective]
        return new > old if self.direction == "max" else new < old
