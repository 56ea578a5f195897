"""`search`: trials of a `TransferHyperModel`, to a trained target model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_tuner import Objective

from keras_transfer._private.types import Data, PathLike, Verbose
from keras_transfer.data.class_weights import ClassWeight
from keras_transfer.recipes import run_folder
from keras_transfer.recipes.data_parts import HELD_OUT, parts
from keras_transfer.storage import printing
from keras_transfer.training.schedules import at_least
from keras_transfer.tuner import search_folder, search_space, trial
from keras_transfer.tuner.objectives import (
    check_objective,
    default_objective,
    objective_of,
)
from keras_transfer.tuner.oracles import ORACLES
from keras_transfer.tuner.search_result import SearchResult, read_trials
from keras_transfer.tuner.trial_tuner import TrialTuner

if TYPE_CHECKING:
    from keras_transfer.data.seeded_batches import SeededBatches
    from keras_transfer.tuner.hyper_model import TransferHyperModel

# Failures one after the other that end a search.
_FAILURES = 5


@printing.silent_at_verbose_0
def search(
    hypermodel: TransferHyperModel,
    train: Data,
    *,
    validation: Data = None,
    trials: int = 15,
    epochs: int | None = None,
    tuner: str = "random",
    objective: str | Objective | None = None,
    directory: PathLike = "search",
    keep_checkpoints: int = 1,
    overwrite: bool = False,
    tensorboard: bool = False,
    class_weight: ClassWeight | None = None,
    seed: int = 0,
    verbose: Verbose = 1,
) -> SearchResult:
    """Searches with KerasTuner, and returns the best trial's model.

    The same as `keras_tuner.RandomSearch(hypermodel, ...).search(...)`, with
    what a long search needs. The first trial is `fine_tune` with its own
    choices, on the first backbone, so that on validation the search does not
    end behind it; each trial gets a line, a trial that fails is
    told with its reason, weights are kept of the best trials only, and what
    is in `directory` goes on where it was, after a kill too (the trial that
    was under way begins again).

    Args:
        hypermodel: a `TransferHyperModel`.
        train: what `keras_transfer.data.load` returns, arrays `(x, y)`, or a
            data set, as in `fine_tune`.
        validation: the same, or `None` to hold out a fifth, class by class.
        trials: number of trials; of a grid the most. A search that has ended
            goes on with a larger number.
        epochs: epochs of a trial that train; `None` is as many as `fine_tune`
            takes.
        tuner: `"random"`, `"bayesian"` or `"grid"`. Hyperband picks epochs by
            itself: use `keras_tuner.Hyperband(hypermodel, ...)`.
        objective: what a trial logs, `"val_accuracy"` or `"val_loss"`, or a
            `keras_tuner.Objective` of it; the score is that of the best
            epoch. `None` is `"val_accuracy"`, with class weights
            `"val_loss"`, which they weight.
        directory: folder of the search.
        keep_checkpoints: of how many trials the weights are kept, the best
            ones; the state of the optimizer never.
        overwrite: begins anew whatever is in `directory`.
        tensorboard: whether `directory/tensorboard` gets logs and HParams
            (TensorFlow only).
        class_weight: as in `fine_tune`; every trial is trained and judged
            with it.
        seed: seed of what is drawn, and of what is held out.
        verbose: 0 prints nothing.

    Returns:
        A `SearchResult`. Ctrl-C does not raise: `result.interrupted` says so.

    Raises:
        ValueError: arguments that do not fit, or a folder that holds another
            search.
        OSError: the folder cannot be written.
        RuntimeError: all trials failed.

    Example:

    ```python
    photos = kt.data.load("photos/", image_size=160)
    hypermodel = kt.TransferHyperModel(
        len(photos.class_names), (160, 160, 3), ["MobileNetV2", "MobileNet"]
    )
    result = kt.search(hypermodel, photos, trials=15, directory="search")
    print(result.table())
    result.model.evaluate(photos.test)
    ```
    """
    _check(trials, epochs, keep_checkpoints, tuner)
    objective = objective or default_objective(class_weight)
    objective, direction = objective_of(objective)
    check_objective(objective, has_validation=True)
    train, validation = parts(
        train, validation, held_out=HELD_OUT, seed=seed,
        class_weight=class_weight, num_classes=hypermodel.num_classes,
    )  # fmt: skip
    for size in search_space.ends_of(hypermodel.space["batch_size"]):
        trial.check_batch_size(train, size)
    run_folder.check_writable(directory)
    about = search_folder.describe(
        hypermodel, epochs, tuner, f"{objective} ({direction})", seed,
        train, validation,
    )  # fmt: skip
    found = search_folder.holds_search(directory, about, overwrite)
    show = printing.show if verbose else lambda line: None
    if found:
        show(f"Going on with the search in '{directory}'.")
    callbacks = search_folder.tensorboard_callbacks(directory, tensorboard)
    with search_folder.named_errors(directory, found):
        tuner = TrialTuner(
            oracle=ORACLES[tuner](
                objective=Objective(objective, direction),
                max_trials=trials,
                # KerasTuner takes 0 for "any".
                seed=seed + 1,
                max_consecutive_failed_trials=_FAILURES,
            ),
            hypermodel=hypermodel,
            directory=str(Path(directory).resolve().parent),
            project_name=Path(directory).resolve().name,
            keep_checkpoints=keep_checkpoints,
            show=show,
        )
    search_folder.write(directory, about)
    result = SearchResult(tuner=tuner)
    options = {"validation_data": validation, "callbacks": callbacks}
    _run(result, train, epochs=epochs, **options)
    read_trials(result, hypermodel, epochs, objective)
    if result.model is not None:
        show(tuner.kept())
    return result


def _run(result: SearchResult, train: SeededBatches, **options: Any) -> None:
    tuner = result.tuner
    try:
        tuner.search(train, verbose=0, **options)
    except KeyboardInterrupt:
        result.interrupted = True
    except RuntimeError:
        # This is how KerasTuner ends after too many failures.
        failed = [r for r in tuner.rows()[-_FAILURES:] if r["score"] is None]
        if len(failed) < _FAILURES:
            raise
        result.warnings.append(
            f"the search ended after {_FAILURES} failures one after the "
            f"other; the last: {failed[-1]['reason']}"
        )


def _check(
    trials: int, epochs: int | None, keep_checkpoints: int, tuner: str
) -> None:
    at_least(1, trials, "trials")
    if epochs is not None:
        at_least(1, epochs, "epochs")
    at_least(1, keep_checkpoints, "keep_checkpoints")
    if tuner not in ORACLES:
        raise ValueError(
            f"There is no tuner {tuner!r}. Expected one of "
            f"{', '.join(map(repr, ORACLES))}. For Hyperband use "
            "keras_tuner.Hyperband(hypermodel, ...)."
        )
