"""`SearchResult`: what a search has found, with the best trial's model."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any

from keras_transfer._private.types import PathLike, Trial
from keras_transfer.recipes import plots
from keras_transfer.recipes.best_weights import TwoStageResult
from keras_transfer.recipes.writers import Row
from keras_transfer.storage.printing import brief
from keras_transfer.storage.tables import format_table
from keras_transfer.tuner.oracles import number_of
from keras_transfer.tuner.trial_tuner import TrialTuner, format_value

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from keras_transfer.models.transfer.transfer_model import TransferModel
    from keras_transfer.tuner.hyper_model import TransferHyperModel


@dataclasses.dataclass
class SearchResult(TwoStageResult):
    """The result of a search.

    Attributes:
        model: the best trial's `TransferModel`, with the weights of its best
            epoch.
        trials: one dict a trial: `trial` (its number, from 1), `status`,
            `score`, `best_epoch`, `seconds`, `hyperparameters`, `reason` (of
            a failure); the best one first.
        recipe: what repeats the best trial: its `hyperparameters` (all of
            them, with those that were not searched), `epochs`, `head_epochs`,
            `objective` and `seed`.
        tuner: the `keras_tuner.Tuner`.
    """

    model: TransferModel | None = None
    trials: list[Row] = dataclasses.field(default_factory=list)
    recipe: dict[str, Any] = dataclasses.field(default_factory=dict)
    tuner: TrialTuner | None = dataclasses.field(default=None, repr=False)

    def __repr__(self) -> str:
        score = self.trials[0]["score"] if self.trials else None
        best = "" if score is None else f"best score {score:.4f}"
        return brief(self, f"{len(self.trials)} trials", best)

    def table(self) -> str:
        """The trials as text, the best one first."""
        names = _hyperparameters_of(self.trials)
        objective = self.tuner.oracle.objective.name
        return format_table(
            ["trial", objective, "epoch", "seconds", *names],
            [_cells(row, names) for row in self.trials],
        )

    def verdict(self) -> str:
        """Returns whether a trial was better than `fine_tune`, as a sentence.

        Empty where the first trial, which is `fine_tune`, has no score.
        """
        found = [row for row in self.choices if row["choice"] == "better"]
        return "".join(f"Better: {r['value']} ({r['reason']})." for r in found)

    def plot(self, path: PathLike | None = None) -> Figure:
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
        scored = [row for row in self.trials if row["score"] is not None]
        names = _hyperparameters_of(scored)
        across = min(3, len(names))
        down = -(-len(names) // across)
        figure, axes = plots.panels(down, across, 4, 3, sharey=True)
        for each, name in zip(axes, names, strict=False):
            _plot_one(each, scored, name, name in logarithmic)
        for each in axes[::across]:
            each.set_ylabel(oracle.objective.name)
        for each in axes[len(names) :]:
            each.set_visible(False)
        return plots.save_figure(figure, path)


def read_trials(
    result: SearchResult,
    hypermodel: TransferHyperModel,
    epochs: int | None,
    objective: str,
) -> None:
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
    result.trials = _ranked(tuner.rows(), tuner.oracle.objective.direction)
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
        "head_epochs": hypermodel.head_epochs,
        "objective": objective,
        "seed": hypermodel.seed,
    }
    result.model = tuner.get_best_models()[0]
    reason = f"{objective} {best.score:.4f}, the best of {len(result.trials)}"
    result.choices = [
        {
            "choice": "trial",
            "value": number_of(best.trial_id),
            "reason": reason,
        }
    ]
    _add_verdict(result, objective)
    _add_epochs(result, best)


def _add_verdict(result: SearchResult, objective: str) -> None:
    """Compares the best trial with the one that is `fine_tune`."""
    best, *others = result.trials
    named = [r for r in result.trials if "recipe" in r["hyperparameters"]]
    if not named or named[0]["score"] is None:
        return
    (own,) = named
    score = f"{own['score']:.4f}"
    if best is own:
        value = "fine_tune"
        reason = (
            f"no other of {len(others)} trials is above its {objective} {score}"
        )
    else:
        value = f"trial {best['trial']}"
        reason = f"{objective} {best['score']:.4f}, fine_tune {score}"
    result.choices.append(
        {"choice": "better", "value": value, "reason": reason}
    )


def _add_epochs(result: SearchResult, best: Trial) -> None:
    """Gives the result the epochs of the best trial, as other recipes do."""
    tuner = result.tuner
    result.history = [
        {"epoch": i + 1, **row}
        for i, row in enumerate(tuner.epochs_of(best.trial_id))
    ]
    result.best = result.history[best.best_step]
    scored = [row for row in result.trials if row["score"] is not None]
    result.stages = [
        {
            "stage": f"{len(result.trials)} trials",
            "epochs": sum(row["epochs"] for row in scored),
            "seconds": sum(row["seconds"] for row in scored),
            "val_loss": result.best["val_loss"],
            "val_accuracy": result.best["val_accuracy"],
        }
    ]


def _ranked(rows: list[Row], direction: str) -> list[Row]:
    """The trials by score, those that failed last."""
    sign = -1 if direction == "max" else 1

    def order(row: Row) -> float:
        return math.inf if row["score"] is None else sign * row["score"]

    return sorted(rows, key=order)


def _hyperparameters_of(rows: list[Row]) -> list[str]:
    """Names of the hyperparameters of all trials, in order of appearance."""
    return list(
        dict.fromkeys(n for row in rows for n in row["hyperparameters"])
    )


def _cells(row: Row, names: list[str]) -> list:
    values = row["hyperparameters"]
    outcome = ["failed", "", ""]
    if row["score"] is not None:
        score, seconds = f"{row['score']:.4f}", f"{row['seconds']:.1f}"
        outcome = [score, row["best_epoch"], seconds]
    chosen = [format_value(values.get(name, "")) for name in names]
    return [row["trial"], *outcome, *chosen]


def _plot_one(
    axes: Axes, rows: list[Row], name: str, is_logarithmic: bool
) -> None:
    having = [row for row in rows if name in row["hyperparameters"]]
    values = [row["hyperparameters"][name] for row in having]
    if is_logarithmic:
        from matplotlib.ticker import LogLocator, NullFormatter

        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(lambda x, _: f"{x:g}")
        axes.xaxis.set_minor_formatter(NullFormatter())
    if not all(type(value) is float for value in values):
        kinds = sorted(set(values), key=lambda v: (str(type(v)), v))
        axes.set_xticks(range(len(kinds)), [*map(format_value, kinds)])
        values = [kinds.index(value) for value in values]
    axes.scatter(values, [row["score"] for row in having], alpha=0.7)
    axes.set_xlabel(name)
    axes.grid(alpha=0.3)
