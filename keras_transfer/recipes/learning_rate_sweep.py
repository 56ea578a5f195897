"""The losses of a sweep of learning rates, and what is read off them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from keras_transfer._private.types import PathLike
from keras_transfer.recipes import plots
from keras_transfer.storage.printing import brief

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# How much of the average is what was before, for a curve that can be read.
_MEMORY = 0.9
_LEAST_STEPS = 5


@dataclasses.dataclass
class LearningRateSweep:
    """The losses of a sweep, and the rates that follow from them.

    Attributes:
        rates: the rate of each step, rising.
        losses: the loss of each step's batch, before the step.
        smoothed: their running average, corrected for its start.
        suggestion: a rate to train with: a tenth of that with the lowest
            smoothed loss.
        steepest: the rate at which the smoothed loss falls fastest.
    """

    rates: np.ndarray
    losses: np.ndarray
    smoothed: np.ndarray
    suggestion: float
    steepest: float

    def __repr__(self) -> str:
        return brief(
            self,
            f"suggestion {self.suggestion:.2g}",
            f"steepest {self.steepest:.2g}",
            f"{len(self.rates)} rates",
        )

    def plot(self, path: PathLike | None = None) -> Figure:
        """Draws the loss over the rate.

        Args:
            path: a PNG file to write, or `None`.

        Returns:
            A `matplotlib.figure.Figure`.
        """
        figure, (axes,) = plots.panels(1, 1, 6, 3.6)
        axes.plot(self.rates, self.losses, alpha=0.3, label="loss of a batch")
        axes.plot(self.rates, self.smoothed, label="smoothed")
        lines = (("suggestion", "C2", "--"), ("steepest", "C3", ":"))
        for name, color, ls in lines:
            rate = getattr(self, name)
            axes.axvline(rate, color=color, ls=ls, label=f"{name} {rate:.1e}")
        low, high = self.smoothed.min(), self.smoothed[0]
        room = max(high - low, 1e-3)
        axes.set(
            xscale="log", xlabel="learning rate", ylabel="loss",
            ylim=(low - 0.3 * room, high + 1.5 * room),
        )  # fmt: skip
        axes.legend()
        return plots.save_figure(figure, path)


def smoothed(losses: Sequence[float] | np.ndarray) -> np.ndarray:
    """Returns the running average of losses, corrected for its start.

    Args:
        losses: `(steps,)`.

    Examples:
        >>> smoothed([2.0, 2.0])
        array([2., 2.])
    """
    average, averages = 0.0, []
    for step, loss in enumerate(losses, start=1):
        average = _MEMORY * average + (1 - _MEMORY) * loss
        averages.append(average / (1 - _MEMORY**step))
    return np.array(averages)


def read_off(rates: np.ndarray, losses: np.ndarray) -> LearningRateSweep:
    """Returns the `LearningRateSweep` of the losses at rising rates.

    Raises:
        ValueError: there are too few of them.
    """
    if len(losses) < _LEAST_STEPS:
        raise ValueError(
            "The loss diverged before anything could be read off. Received: "
            f"{len(losses)} steps with a finite loss. Start from a smaller "
            "min_rate, or look at the data: labels and pixels may be wrong."
        )
    average = smoothed(losses)
    lowest = int(average.argmin())
    slopes = np.gradient(average, np.log(rates))
    steepest = float(rates[slopes[: lowest + 1].argmin()])
    suggestion = float(rates[lowest] / 10)
    return LearningRateSweep(rates, losses, average, suggestion, steepest)
