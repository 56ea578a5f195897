"""What a search has found, as a table and as a plot."""

import math

from keras_transfer.recipes import plots
from keras_transfer.storage.tables import format_table
from keras_transfer.tuner.trial_tuner import shown


def table(rows, objective, is_better_high):
    """The trials as text, the best one first.

    Args:
        rows: one dict a trial, as `TrialTuner.rows` gives them.
        objective: name of the score.
        is_better_high: whether a high score is a good one.
    """
    names = names_of(rows)
    return format_table(
        ["trial", objective, "epoch", "seconds", *names],
        [_cells(row, names) for row in ranked(rows, is_better_high)],
    )


def ranked(rows, is_better_high):
    """The trials by score, those that failed last."""

    def order(row):
        score = row["score"]
        if score is None:
            return math.inf
        return -score if is_better_high else score

    return sorted(rows, key=order)


def names_of(rows):
    """The hyperparameters of all trials, in order of appearance."""
    return list(
        dict.fromkeys(n for row in rows for n in row["hyperparameters"])
    )


def plot(path, rows, objective, logarithmic):
    """Draws the score of each trial against each hyperparameter.

    Args:
        path: the PNG file to write, or `None`.
        rows: one dict a trial.
        objective: name of the score.
        logarithmic: names of the hyperparameters that get a log axis.

    Returns:
        A `matplotlib.figure.Figure`.
    """
    from matplotlib.figure import Figure

    scored = [row for row in rows if row["score"] is not None]
    names = names_of(scored)
    across = min(3, len(names))
    down = -(-len(names) // across)
    figure = Figure(figsize=(4 * across, 3 * down), layout="constrained")
    axes = figure.subplots(down, across, squeeze=False, sharey=True).ravel()
    for each, name in zip(axes, names, strict=False):
        _plot_one(each, scored, name, name in logarithmic)
    for each in axes[::across]:
        each.set_ylabel(objective)
    for each in axes[len(names) :]:
        each.set_visible(False)
    return plots.save_figure(figure, path)


def _plot_one(axes, rows, name, is_logarithmic):
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
        axes.set_xticks(range(len(kinds)), [shown(kind) for kind in kinds])
        values = [kinds.index(value) for value in values]
    axes.scatter(values, [row["score"] for row in having], alpha=0.7)
    axes.set_xlabel(name)
    axes.grid(alpha=0.3)


def _cells(row, names):
    values = row["hyperparameters"]
    if row["score"] is None:
        outcome = ["failed", "", ""]
    else:
        outcome = [
            f"{row['score']:.4f}",
            row["best_epoch"],
            f"{row['seconds']:.1f}",
        ]
    return [
        row["trial"],
        *outcome,
        *(shown(values[name]) if name in values else "" for name in names),
    ]
