"""`SearchResult`: what a search has found, with the best trial's model."""

import dataclasses

from keras_transfer.recipes.best_weights import TwoStageResult
from keras_transfer.tuner import results


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


def fill(result, hypermodel, epochs, objective):
    """Reads the trials into a result, and the best one's model.

    Args:
        result: the `SearchResult`.
        hypermodel: the `TransferHyperModel`.
        epochs: epochs of a trial.
        objective: what was compared.

    Raises:
        RuntimeError: all trials failed.
    """
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
