"""Draws `what_trains_when.svg`: which blocks train in which epoch.

python docs/pictures/what_trains_when.py
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import keras_transfer as kt

BLOCKS, EPOCHS, DECAY = 6, 10, 0.7
SCHEDULES = {
    "LinearProbe()": kt.LinearProbe(),
    "FullFineTuning()": kt.FullFineTuning(),
    "GradualUnfreezing(3, 1)": kt.GradualUnfreezing(3, 1),
    "PiecewiseUnfreezing(\n[3, 7], [0, 6, 2])": kt.PiecewiseUnfreezing(
        [3, 7], [0, 6, 2]
    ),
}


def rates(schedule):
    """Share of the learning rate, by row (head on top) and epoch; 0 frozen."""
    shown = np.zeros((BLOCKS + 1, EPOCHS))
    for epoch in range(EPOCHS):
        depth = schedule(epoch, BLOCKS)
        shown[: depth + 1, epoch] = DECAY ** np.arange(depth + 1)
    return shown


def main():
    # Text as text, and the same file on every machine.
    plt.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "0"})
    figure, axes = plt.subplots(1, len(SCHEDULES), figsize=(13, 3))
    for axis, (name, schedule) in zip(axes, SCHEDULES.items(), strict=True):
        shown = np.ma.masked_equal(rates(schedule), 0)
        colours = plt.get_cmap("viridis_r").with_extremes(bad="#e8e8e8")
        image = axis.pcolormesh(
            shown, cmap=colours, vmin=0, vmax=1, edgecolors="white"
        )
        axis.invert_yaxis()
        axis.set_title(name, fontsize=8, family="monospace")
        axis.set_xticks(np.arange(EPOCHS) + 0.5, range(EPOCHS), fontsize=7)
        axis.set_yticks(np.arange(BLOCKS + 1) + 0.5, [""] * (BLOCKS + 1))
        axis.set_xlabel("epoch", fontsize=8)
    names = ["head", *(f"block {i}" for i in reversed(range(BLOCKS)))]
    axes[0].set_yticks(np.arange(BLOCKS + 1) + 0.5, names, fontsize=8)
    bar = figure.colorbar(image, ax=axes, pad=0.01)
    bar.set_label(f"share of the rate (decay={DECAY})", fontsize=8)
    bar.ax.tick_params(labelsize=7)
    path = Path(__file__).with_suffix(".svg")
    figure.savefig(path, bbox_inches="tight", metadata={"Date": None})


if __name__ == "__main__":
    main()
