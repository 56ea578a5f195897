"""The pictures of an assessment."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from keras_transfer._private.types import PathLike
from keras_transfer.recipes.assessment.subsets import some_samples
from keras_transfer.recipes.plots import panels, save_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from keras_transfer.recipes.assessment.assessment import TransferAssessment

_MOST_POINTS = 1000
_COLUMNS, _MOST_THUMBNAILS = 6, 24


@dataclasses.dataclass
class Drawn:
    """The samples of an assessment, as far as pictures need them.

    Attributes:
        parts: `Collected` of the target by name.
        others: features of `"source"` and `"unlabelled"` samples by name.
        class_names: names by label.
    """

    parts: dict
    others: dict
    class_names: Sequence[str]


def plot(found: TransferAssessment, folder: PathLike) -> list[str]:
    """Draws what there is; returns the names of the files.

    Args:
        found: the `TransferAssessment`.
        folder: where to write.
    """
    written = []
    for name, draw in (
        ("learning_curve.png", _learning_curve),
        ("map.png", _map),
        ("labels.png", _labels),
    ):
        figure = draw(found)
        if figure is not None:
            save_figure(figure, Path(folder) / name)
            written.append(name)
    return written


def _learning_curve(found: TransferAssessment) -> Figure | None:
    curve = found.curve
    if curve is None:
        return None
    figure, (axes,) = panels(1, 1, 6, 4)
    n = np.geomspace(curve.sizes[0], curve.furthest, 60)
    low, high = np.transpose([curve.interval(size) for size in n])
    axes.fill_between(n, 1 - high, 1 - low, alpha=0.2, label="90 %")
    axes.plot(n, 1 - curve.predict(n), label="expected")
    axes.plot(curve.sizes, 1 - curve.errors, "o", label="measured")
    axes.axvline(sum(found.per_class.values()), linestyle=":", label="labels")
    axes.set(xscale="log", xlabel="labelled samples", ylabel="probe accuracy")
    axes.legend()
    return figure


def _map(found: TransferAssessment) -> Figure | None:
    """The first two principal components of the target's features."""
    if found.drawn is None:
        return None
    train = found.drawn.parts["train"]
    x, labels = train.features, train.labels
    rows = some_samples(len(x), _MOST_POINTS, 0)
    mean = x[rows].mean(axis=0)
    _, _, axes_of = np.linalg.svd(x[rows] - mean, full_matrices=False)
    figure, (axes,) = panels(1, 1, 7, 5)
    flat = (x[rows] - mean) @ axes_of[:2].T
    for label in np.unique(labels):
        of_class = flat[labels[rows] == label]
        name = found.drawn.class_names[label]
        # With many classes the legend would be all that is seen.
        shown = name if len(found.per_class) <= 12 else None
        axes.plot(*of_class.T, ".", markersize=4, label=shown)
    for name, other in found.drawn.others.items():
        chosen = other[some_samples(len(other), _MOST_POINTS, 0)]
        axes.plot(
            *((chosen - mean) @ axes_of[:2].T).T, "x", color="black",
            markersize=3, alpha=0.5, label=name,
        )  # fmt: skip
    axes.set(
        xlabel="first principal component", ylabel="second", title=found.source
    )
    axes.legend()
    return figure


def _labels(found: TransferAssessment) -> Figure | None:
    """Thumbnails of likely wrong labels, with given and suggested label."""
    if found.drawn is None:
        return None
    shown = []
    for each in found.found("label")[:_MOST_THUMBNAILS]:
        part, number = each.places[0]
        image = found.drawn.parts[part].image(number)
        if image is not None:
            shown.append((each, image))
    if not shown:
        return None
    rows = -(-len(shown) // _COLUMNS)
    figure, all_axes = panels(rows, _COLUMNS, 1.6, 2.0)
    for axes in all_axes:
        axes.axis("off")
    for axes, (each, image) in zip(all_axes, shown, strict=False):
        axes.imshow(_visible(image), cmap="gray")
        axes.set_title(each.detail.replace(" -> ", "\n-> "), fontsize=7)
    return figure


def _visible(image: np.ndarray) -> np.ndarray:
    """Returns an image in 0..1, grey without the last axis."""
    image = np.asarray(image, "float64")
    low, high = (0.0, 255.0) if image.max() > 1.5 else (image.min(), 1.0)
    if image.shape[-1] not in (3, 4):
        image = image[..., 0]
    return np.clip((image - low) / max(high - low, 1e-9), 0, 1)
