"""A `BackboneRanking` as a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keras_transfer._private.types import PathLike
from keras_transfer.recipes import plots

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from keras_transfer.recipes.assessment.backbone_ranking import (
        BackboneRanking,
    )


def plot_ranking(path: PathLike | None, ranking: BackboneRanking) -> Figure:
    """Draws probes with intervals, and what they cost.

    Args:
        path: the PNG file to write, or `None`.
        ranking: a `BackboneRanking`.

    Returns:
        A `matplotlib.figure.Figure`.
    """
    rows = [row for row in ranking.rows if row.error is None][::-1]
    figure, (left, right) = plots.panels(1, 2, 5.2, 1.2 + 0.35 * len(rows))
    for place, row in enumerate(rows):
        colour = "C0" if row.is_noise else "0.6"
        ends = [[max(0, row.probe - row.low)], [max(0, row.high - row.probe)]]
        left.errorbar(
            row.probe, place, xerr=ends, fmt="o", color=colour, capsize=3
        )
        if row.fine_tuned is not None:
            left.plot(row.fine_tuned, place, "*", color="C3", markersize=11)
        right.barh(place, row.seconds_per_1000 or 0.0, color=colour)
    names = [row.name for row in rows]
    left.set_yticks(range(len(rows)), names)
    right.set_yticks(range(len(rows)), [""] * len(rows))
    left.set(
        xlabel=f"{ranking.score_name} of a linear head, 95 % (star: "
        "fine-tuned)",
        title="blue: within noise of the best",
    )
    right.set(xlabel="seconds for 1,000 samples", title="feature pass")
    return plots.save_figure(figure, path)
