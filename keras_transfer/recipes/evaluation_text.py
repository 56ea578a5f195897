"""An evaluation as text: figures with their intervals, and its mistakes."""

from typing import Any

import numpy as np

from keras_transfer.storage.tables import fits_terminal, format_table

# More classes than these have too many columns to be read.
_MOST_COLUMNS = 12
_WORST, _MISTAKES, _PAIRS = 10, 3, 5


def evaluation_table(result: dict[str, Any], title: str) -> str:
    """Returns what `evaluation.evaluate` has found as text.

    Up to 12 classes are shown with all their confusions if the terminal is
    wide enough, of more the 10 with the lowest recall, and the pairs that are
    confused most often.

    Args:
        result: what it returned.
        title: what was evaluated.
    """
    figures = [
        _figure(name, value, result)
        for name, value in result.items()
        if isinstance(value, (int, float)) and name != "loss_error"
    ]
    lines = [f"{title}: {', '.join(figures)}"]
    if "recall" in result:
        table = _all_classes(result)
        few = len(result["recall"]) <= _MOST_COLUMNS and fits_terminal(*table)
        lines.append(format_table(*table) if few else _worst_classes(result))
    return "\n".join(lines)


def _figure(name: str, value: float, result: dict[str, Any]) -> str:
    text = f"{name} {value:.4g}"
    if name == "loss" and "loss_error" in result:
        return f"{text} +/- {result['loss_error']:.2g}"
    if f"{name}_interval" not in result:
        return text
    number = result["num_samples"]
    digits = 2 if number < 1000 else 3
    low, high = (f"{end:.{digits}f}" for end in result[f"{name}_interval"])
    return f"{text}: {round(value * number)} of {number} ({low} to {high})"


def _all_classes(result: dict[str, Any]) -> tuple[list[str], list[list]]:
    names = list(result["recall"])
    rows = [
        [name, f"{result['recall'][name]:.3f}", *counts]
        for name, counts in zip(names, result["confusion"], strict=True)
    ]
    return ["true class", "recall", *(f"as {name}" for name in names)], rows


def _worst_classes(result: dict[str, Any]) -> str:
    names, matrix = list(result["recall"]), np.array(result["confusion"])
    recall = np.array(list(result["recall"].values()))
    mistakes = matrix - np.diag(matrix.diagonal())
    counts = matrix.sum(axis=1)
    # Of equal recall the class with more mistakes comes first.
    order = np.lexsort((-mistakes.sum(axis=1), recall))
    order = order[counts[order] > 0]
    rows = [
        [
            names[i], f"{recall[i]:.3f}", f"{matrix[i, i]} of {counts[i]}",
            ", ".join(_most(mistakes[i], names, _MISTAKES)),
        ]
        for i in order[:_WORST]
    ]  # fmt: skip
    pairs = [f"{a} as {b}" for a in names for b in names]
    confused = _most(mistakes.ravel(), pairs, _PAIRS)
    return "\n".join(
        [
            format_table(
                ["true class", "recall", "right", "taken for"],
                rows,
                f"{len(rows)} of {len(names)} classes, the lowest recall first "
                "(metrics.json and --json have all)",
            ),
            f"most often confused: {', '.join(confused) or 'none'}",
        ]
    )


def _most(counts: np.ndarray, names: list[str], most: int) -> list[str]:
    """The names of the highest counts above 0, with these."""
    order = np.argsort(-counts, kind="stable")[:most]
    return [f"{names[i]} {counts[i]}" for i in order if counts[i]]
