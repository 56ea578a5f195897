"""`search`: trials of a `TransferHyperModel`, to a trained target model."""

import dataclasses
import json
import shutil
from pathlib import Path

import keras
from keras_tuner import Objective

from keras_transfer import report, run_folder, trial
from keras_transfer.recipes.best_weights import TwoStageResult
from keras_transfer.recipes.data_parts import hold_out, parts
from keras_transfer.recipes.repeated_trial import HELD_OUT
from keras_transfer.schedules import whole_number
from keras_transfer.searches import results
from keras_transfer.searches.oracles import ORACLES
from keras_transfer.searches.trial_tuner import TrialTuner
from keras_transfer.tuner import check_objective

# Failures one after the other that end a search.
_FAILURES = 5
_DESCRIPTION, _LOGS = "search.json", "tensorboard"


@dataclasses.dataclass
class SearchResult(TwoStageResult):
    """What a search has found.

    Attributes:
        model: the best trial's `TransferModel`, with the weights of its best
            epoch.
        trials: one dict a trial: `trial`, `status`, `score`, `best_epoch`,
            `seconds`, `hyperparameters`, `reason` (of a failure); the best
            one first.
        recipe: what repeats the best trial: its `hyperparameters` (all of
            them, with those that were not searched), `epochs`, `head_epochs`,
            `objective` and `seed`.
        tuner: the `keras_tuner.Tuner`.
    """

    model: object = None
    trials: list = dataclasses.field(default_factory=list)
    recipe: dict = dataclasses.field(default_factory=dict)
    tuner: object = dataclasses.field(default=None, repr=False)

    def table(self):
        """The trials as text, the best one first."""
        objective = self.tuner.oracle.objective
        return results.table(
            self.trials, objective.name, objective.direction == "max"
        )

    def plot(self, path=None):
        """Draws the score of each trial against each hyperparameter.

        Args:
            path: a PNG file to write, or `None`.

        Returns:
            A `matplotlib.figure.Figure`.
        """
        oracle = self.tuner.oracle
        logarithmic = {
            hp.name
            for hp in oracle.get_space().space
            if getattr(hp, "sampling", None) == "log"
        }
        return results.plot(
            path, self.trials, oracle.objective.name, logarithmic
        )


def search(
    hypermodel,
    train,
    validation=None,
    *,
    trials=15,
    epochs=20,
    tuner="random",
    objective="val_accuracy",
    directory="search",
    keep_checkpoints=3,
    overwrite=False,
    tensorboard=False,
    seed=0,
    verbose=1,
):
    """Searches with KerasTuner, and returns the best trial's model.

    The same as `keras_tuner.RandomSearch(hypermodel, ...).search(...)`, with
    what a long search needs: each trial gets a line, a trial that fails is
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
        epochs: epochs of a trial, both phases together.
        tuner: `"random"`, `"bayesian"` or `"grid"`. Hyperband picks epochs by
            itself: use `keras_tuner.Hyperband(hypermodel, ...)`.
        objective: what a trial logs, `"val_accuracy"` or `"val_loss"`; the
            score is that of the best epoch.
        directory: folder of the search.
        keep_checkpoints: of how many trials the weights are kept.
        overwrite: begins anew whatever is in `directory`.
        tensorboard: whether `directory/tensorboard` gets logs and HParams
            (TensorFlow only).
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
    check_objective(objective, has_validation=True)
    train, validation = parts(train, validation, seed=seed)
    if validation is None:
        train, validation = hold_out(train, HELD_OUT, seed)
    for size in _sizes(hypermodel.space["batch_size"]):
        trial.check_batch_size(train, size)
    run_folder.check_writable(directory)
    about = _description(hypermodel, epochs, tuner, objective, seed, train)
    found = _started(directory, about, overwrite)
    show = print if verbose else lambda line: None
    if found:
        show(f"Going on with the search in '{directory}'.")
    callbacks = _callbacks(directory, tensorboard)
    tuner = TrialTuner(
        oracle=ORACLES[tuner](
            objective=_objective(objective),
            max_trials=trials,
            # KerasTuner takes 0 for "any".
            seed=seed + 1,
            max_consecutive_failed_trials=_FAILURES,
        ),
        hypermodel=hypermodel,
        directory=str(Path(directory).parent),
        project_name=Path(directory).name,
        keep_checkpoints=keep_checkpoints,
        show=show,
    )
    report.write_json(Path(directory) / _DESCRIPTION, about)
    result = SearchResult(tuner=tuner)
    _run(result, train, validation, epochs, callbacks)
    _finish(result, hypermodel, epochs, objective)
    return result


def _run(result, train, validation, epochs, callbacks):
    tuner = result.tuner
    try:
        tuner.search(
            train,
            epochs=epochs,
            validation_data=validation,
            callbacks=callbacks,
            verbose=0,
        )
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


def _finish(result, hypermodel, epochs, objective):
    tuner = result.tuner
    high = tuner.oracle.objective.direction == "max"
    result.trials = results.ranked(tuner.rows(), high)
    failed = [row for row in result.trials if row["score"] is None]
    if len(failed) == len(result.trials):
        if result.interrupted:
            return
        raise RuntimeError(
            f"All {len(failed)} trials failed. The last: "
            f"{failed[-1]['reason'] if failed else 'none was begun'}. The "
            f"whole story is in {tuner.project_dir}/trial_*/trial.json."
        )
    if failed:
        result.warnings.append(
            f"{len(failed)} of {len(result.trials)} trials failed; the first: "
            f"{failed[0]['reason']}"
        )
    best = tuner.oracle.get_best_trials()[0]
    settings = hypermodel.settings(best.hyperparameters)
    result.recipe = {
        "hyperparameters": dataclasses.asdict(settings),
        "epochs": epochs,
        "head_epochs": hypermodel.epochs_of_head(epochs),
        "objective": objective,
        "seed": hypermodel.seed,
    }
    result.model = tuner.get_best_models()[0]
    result.choices = [
        {
            "choice": "trial",
            "value": best.trial_id,
            "reason": f"{objective} {best.score:.4f}, the best of "
            f"{len(result.trials)}",
        }
    ]
    _add_epochs(result, best, result.recipe["head_epochs"])


def _add_epochs(result, best, head_epochs):
    """Gives the result the epochs of the best trial, as other recipes do."""
    rows = result.tuner.epochs_of(best.trial_id)
    result.history = [
        {
            "stage": "head" if i < head_epochs else "fine-tuning",
            "epoch": i + 1,
            **row,
        }
        for i, row in enumerate(rows)
    ]
    result.best = result.history[best.best_step]
    scored = [row for row in result.trials if row["score"] is not None]
    result.stages = [
        {
            "stage": f"{len(result.trials)} trials",
            "epochs": len(scored) * len(rows),
            "seconds": sum(row["seconds"] for row in scored),
            "val_loss": result.best["val_loss"],
            "val_accuracy": result.best["val_accuracy"],
        }
    ]


def _check(trials, epochs, keep_checkpoints, tuner):
    given = {
        "trials": trials, "epochs": epochs, "keep_checkpoints": keep_checkpoints
    }  # fmt: skip
    for name, value in given.items():
        number = whole_number(value)
        if number is None or number < 1:
            raise ValueError(
                f"`{name}` is a whole number of at least 1. Received: "
                f"{name}={value!r}."
            )
    if tuner not in ORACLES:
        raise ValueError(
            f"There is no tuner {tuner!r}. Expected one of "
            f"{', '.join(map(repr, ORACLES))}. For Hyperband use "
            "keras_tuner.Hyperband(hypermodel, ...)."
        )


def _sizes(values):
    return values if isinstance(values, list | tuple) else [values]


def _objective(name):
    is_accuracy = name.endswith("accuracy")
    return Objective(name, "max" if is_accuracy else "min")


def _description(hypermodel, epochs, tuner, objective, seed, train):
    """What two searches have to share for one to go on with the other."""
    about = {
        "tuner": tuner,
        "objective": objective,
        "epochs": epochs,
        "head_epochs": hypermodel.epochs_of_head(epochs),
        "space": hypermodel.space,
        "num_classes": hypermodel.num_classes,
        "input_shape": hypermodel.input_shape,
        "weights": str(hypermodel.weights),
        "training samples": train.num_samples,
        "seed": [seed, hypermodel.seed],
    }
    # As it comes out of a file.
    return json.loads(json.dumps(about))


def _started(directory, about, overwrite):
    """Whether the folder holds this search, begun before.

    Raises:
        ValueError: it holds another one.
    """
    directory = Path(directory)
    if overwrite:
        for path in [*directory.glob("*.json"), *directory.glob("trial_*")]:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        shutil.rmtree(directory / _LOGS, ignore_errors=True)
    path = directory / _DESCRIPTION
    if not path.is_file():
        return False
    before = json.loads(path.read_text())
    differing = [name for name in about if about[name] != before.get(name)]
    if differing:
        name = differing[0]
        raise ValueError(
            f"'{directory}' holds another search: its {name} is "
            f"{before.get(name)!r}. Received: {about[name]!r}. Choose another "
            "folder, or pass overwrite=True (--overwrite) to begin anew."
        )
    return True


def _callbacks(directory, tensorboard):
    if not tensorboard:
        return []
    if keras.backend.backend() != "tensorflow":
        raise ValueError(
            "TensorBoard's logs are written by TensorFlow. Received: the "
            f"backend {keras.backend.backend()!r}. Set "
            "KERAS_BACKEND=tensorflow, or leave tensorboard=False."
        )
    folder = str(Path(directory) / _LOGS)
    return [keras.callbacks.TensorBoard(folder, write_graph=False)]
