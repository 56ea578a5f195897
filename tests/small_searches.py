"""Searches of a few trials over a source model of three convolutions."""

import numpy as np

import keras_transfer as kt

SPACE = {
    "batch_size": [10, 20],
    "blocks": [0.0, 0.5],
    "learning_rate": (1e-4, 1e-2, "log"),
}
GRID = {"batch_size": [10, 20], "hidden_units": [0, 4]}


def some_data():
    """Returns 40 pictures in three classes to train on, and 20 others."""
    rng = np.random.default_rng(0)
    y = np.arange(60) % 3
    x = rng.uniform(0, 100, (60, 8, 8, 3)) + 50 * y[:, None, None, None]
    x = x.astype("float32")
    return (x[:40], y[:40]), (x[40:], y[40:])


def hypermodel(source, space=None, **options):
    return kt.TransferHyperModel(
        3, backbones=[source], space=SPACE if space is None else space,
        **options,
    )  # fmt: skip


def searched(source, data, folder, **options):
    options = {"trials": 3, "epochs": 3, "verbose": 0} | options
    space = options.pop("space", None)
    train, validation = data
    return kt.search(
        hypermodel(source, space), train, validation=validation,
        directory=folder, **options,
    )  # fmt: skip
