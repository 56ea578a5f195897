"""Curves of a run, drawn with matplotlib."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_transfer._private.types import PathLike
from keras_transfer.recipes.writers import Row
from keras_transfer.storage.replacing import replacing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def plot_history(path: PathLike | None, rows: list[Row]) -> Figure:
    """Draws loss and accuracy over all epochs, the stages shaded.

    Args:
        path: the PNG file to write, or `None`.
        rows: what a recipe gives as `history`.

    Returns:
        A `matplotlib.figure.Figure`.
    """
    names = [
        name
        for name in ("loss", "accuracy", "binary_accuracy")
        if any(name in row or f"val_{name}" in row for row in rows)
    ]
    figure, all_axes = panels(1, len(names), 5, 3.6)
    for axes, name in zip(all_axes, names, strict=True):
        _plot_metric(axes, name, rows)
    return save_figure(figure, path)


def panels(
    rows: int, columns: int, width: float, height: float, **options: Any
) -> tuple[Figure, np.ndarray]:
    """Returns a figure and the axes of its panels, row by row.

    Args:
        rows: how many rows of panels.
        columns: how many in each.
        width: of a panel, in inches.
        height: of a panel, in inches.
        **options: as in `matplotlib.figure.Figure.subplots`.
    """
    from matplotlib.figure import Figure

    size = (columns * width, rows * height)
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, **options)
    return figure, axes.ravel()


def save_figure(figure: Figure, path: PathLike | None) -> Figure:
    """Writes a figure as PNG, whole or not at all, and returns it.

    Args:
        figure: a `matplotlib.figure.Figure`.
        path: the PNG file to write, or `None`.
    """
    if path is not None:
        with replacing(path) as temporary:
            figure.savefig(temporary, dpi=120, format="png")
    return figure


def _plot_metric(axes: Axes, name: str, rows: list[Row]) -> None:
    x = np.arange(1, len(rows) + 1)
    for key, label in ((name, "training"), (f"val_{name}", "validation")):
        if any(key in row for row in rows):
            y = [row.get(key, np.nan) for row in rows]
            axes.plot(x, y, marker="o", markersize=3, label=label)
    for number, (stage, first, last) in enumerate(_spans(rows)):
        axes.axvspan(
            first + 0.5, last + 0.5, color=f"C{number + 2}", alpha=0.12
        )
        axes.text(
            (first + last + 1) / 2, 1.02, stage, ha="center",
            transform=axes.get_xaxis_transform(),
        )  # fmt: skip
    axes.set(xlabel="epoch (or penalty, or weights tried)", ylabel=name)
    axes.legend()


def _spans(rows: list[Row]) -> Iterator[tuple[str, int, int]]:
    """Yields `(stage, first, last)` for each run of rows of one stage."""
    end = 0
    for stage, group in itertools.groupby(rows, lambda row: row["stage"]):
        start, end = end, end + len(list(group))
        yield stage, start, end
