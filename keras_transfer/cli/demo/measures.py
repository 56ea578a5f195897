"""Means, spreads and paired differences of what the demo has measured."""

from collections.abc import Iterable, Sequence

import numpy as np

from keras_transfer.recipes.writers import Row


def rows(
    way: str,
    shots: int,
    epochs: Sequence[int],
    curves: Iterable[Sequence[float]],
) -> list[Row]:
    """One row an epoch, over all seeds.

    Args:
        way: name of the way.
        shots: labels a class.
        epochs: the epochs at which accuracies were read.
        curves: one list of accuracies a seed.

    Returns:
        List of dicts with `mean`, `spread` (standard deviation of the sample,
        `None` for a single seed) and all `accuracies`.
    """
    return [
        {
            "way": way,
            "shots": shots,
            "epochs": epoch,
            "mean": float(np.mean(values)),
            "spread": _deviation(values),
            "accuracies": list(values),
        }
        for epoch, values in zip(epochs, zip(*curves, strict=True), strict=True)
    ]


def differences(all_rows: list[Row], way: str, other: str) -> list[Row]:
    """One way minus another, seed by seed.

    Returns:
        List of dicts with `shots`, `epochs`, the `mean` of the differences
        and its `standard error` (`None` for a single seed).
    """
    by_key = {(r["way"], r["shots"], r["epochs"]): r for r in all_rows}
    return [
        _difference(row, by_key[other, row["shots"], row["epochs"]])
        for row in all_rows
        if row["way"] == way
    ]


def _difference(row: Row, other: Row) -> Row:
    gaps = np.subtract(row["accuracies"], other["accuracies"])
    deviation = _deviation(gaps)
    return {
        "shots": row["shots"],
        "epochs": row["epochs"],
        "mean": float(gaps.mean()),
        "standard error": deviation and deviation / len(gaps) ** 0.5,
    }


def _deviation(values: Sequence[float] | np.ndarray) -> float | None:
    return float(np.std(values, ddof=1)) if len(values) > 1 else None
