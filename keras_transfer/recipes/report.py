"""The story of a run: tables, curves, and the files that tell them."""

import csv
import io
import json

import numpy as np

from keras_transfer.storage import files
from keras_transfer.storage.tables import format_table


def write_json(path, content):
    """Writes `content` as JSON, whole or not at all."""
    with files.replacing(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2) + "\n")


def write_rows(path, rows):
    """Writes a list of dicts as CSV; a row without a column leaves it empty."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    with files.replacing(path) as temporary:
        temporary.write_text(text.getvalue())


def plot_history(path, rows):
    """Draws loss and accuracy over all epochs, the stages shaded.

    Args:
        path: the PNG file to write, or `None`.
        rows: what a recipe gives as `history`.

    Returns:
        A `matplotlib.figure.Figure`.
    """
    from matplotlib.figure import Figure

    names = [
        name
        for name in ("loss", "accuracy", "binary_accuracy")
        if any(name in row or f"val_{name}" in row for row in rows)
    ]
    figure = Figure(figsize=(5 * len(names), 3.6), layout="constrained")
    all_axes = figure.subplots(1, len(names), squeeze=False)[0]
    for axes, name in zip(all_axes, names, strict=True):
        _plot_metric(axes, name, rows)
    if path is not None:
        save_figure(figure, path)
    return figure


def save_figure(figure, path):
    """Writes a `matplotlib.figure.Figure` as PNG, whole or not at all."""
    with files.replacing(path) as temporary:
        figure.savefig(temporary, dpi=120, format="png")


def _plot_metric(axes, name, rows):
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


def _spans(rows):
    """Yields `(stage, first, last)` for each run of rows of one stage."""
    start = 0
    for i in range(1, len(rows) + 1):
        if i == len(rows) or rows[i]["stage"] != rows[start]["stage"]:
            yield rows[start]["stage"], start, i
            start = i


def evaluate(model, batches):
    """Evaluates a model and, for a softmax, each class on its own.

    Args:
        model: a compiled `TransferModel`.
        batches: data that can be read by index, not shuffled.

    Returns:
        Dict with what Keras logs and `num_samples`; for a softmax also
        `confusion` (rows are the true classes) and `recall` by name.
    """
    logs = model.evaluate(batches, verbose=0, return_dict=True)
    result = {name: float(value) for name, value in logs.items()}
    result["num_samples"] = batches.num_samples
    if getattr(model.head, "activation", None) != "softmax":
        return result
    labels = np.concatenate(
        [np.asarray(batches[i][1]).reshape(-1) for i in range(len(batches))]
    )
    predicted = model.predict(batches, verbose=0).argmax(axis=-1)
    matrix = np.zeros((model.output_shape[-1],) * 2, int)
    np.add.at(matrix, (labels.astype(int), predicted), 1)
    counts = np.maximum(matrix.sum(axis=1), 1)
    recall = (matrix.diagonal() / counts).tolist()
    names = model.class_names or range(len(recall))
    result["confusion"] = matrix.tolist()
    result["recall"] = dict(zip(map(str, names), recall, strict=True))
    return result


def gap(metrics):
    """Says so if a test set is much harder than the validation data.

    Args:
        metrics: `validation` and `test`, each as `evaluate` returns it.

    Returns:
        A sentence, or `None`: fewer than four standard errors, or 0.1, apart.
    """
    parts = [metrics.get(name, {}) for name in ("validation", "test")]
    if not all("accuracy" in part for part in parts):
        return None
    held_out, test = (part["accuracy"] for part in parts)
    error = sum(
        part["accuracy"] * (1 - part["accuracy"]) / part["num_samples"]
        for part in parts
    )
    if held_out - test < max(0.1, 4 * error**0.5):
        return None
    return (
        f"the test set is far harder than the validation data: accuracy "
        f"{test:.3f} against {held_out:.3f}. It is probably of another kind "
        "(other cameras, places, styles); validation then says little about "
        "it. Add labelled samples of that kind to train and validation."
    )


def stage_table(stages):
    """The stages of a run as text."""
    rows = [
        [s["stage"], s["epochs"], f"{s['seconds']:.1f}", f"{s['val_loss']:.4f}"]
        for s in stages
        if s["epochs"]
    ]
    return format_table(["stage", "epochs", "seconds", "best loss"], rows)


def evaluation_table(result, title):
    """The result of `evaluate` as text."""
    numbers = {k: v for k, v in result.items() if isinstance(v, (int, float))}
    lines = [
        f"{title}: " + ", ".join(f"{k} {v:.4g}" for k, v in numbers.items())
    ]
    if "recall" in result:
        names = list(result["recall"])
        rows = [
            [name, f"{result['recall'][name]:.3f}", *counts]
            for name, counts in zip(names, result["confusion"], strict=True)
        ]
        columns = ["true class", "recall", *(f"as {name}" for name in names)]
        lines.append(format_table(columns, rows))
    return "\n".join(lines)
