"""The demo's result, told as a table, a sentence and a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keras_transfer._private.types import PathLike
from keras_transfer.recipes import plots
from keras_transfer.recipes.writers import Row
from keras_transfer.storage.tables import format_table

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def text(result: dict[str, Any]) -> str:
    """The result of the demo as text for people.

    Args:
        result: what `run` returns.
    """
    source, export = result["source"], result["export"]
    kept = "unchanged" if source["unchanged"] else "CHANGED"
    lines = [
        accuracy_table(result["rows"]),
        *map(_verdict, _first_and_last(result["differences"])),
        matching_table(result["matching"]),
        _about_matching(result["matching"]),
        f"Source on held-out digits 0 to 4: {source['accuracy']:.3f} before; "
        f"its weights are {kept} afterwards. Its own top on features that "
        f"were fine-tuned: {source['accuracy on fine-tuned features']:.3f}.",
        "SavedModel read back in a process without Keras: largest difference "
        f"of a score {export['largest difference']:.1e}.",
        f"{result['output']}: accuracy.png, model.keras, results.json, "
        f"saved_model, source.keras ({result['seconds']:.0f} s)",
        "",
        "Next, on your own photos (a folder with one sub-folder a class):",
        "  keras-transfer fit PHOTOS --backbone MobileNetV2",
    ]
    return "\n".join(lines)


def accuracy_table(rows: list[Row]) -> str:
    """One line a way and number of labels, one column a number of epochs."""
    last = max(row["epochs"] for row in rows)
    first = min(row["epochs"] for row in rows)
    cells = {(r["way"], r["shots"], r["epochs"]): _accuracy(r) for r in rows}
    lines = [
        [way, shots, *(cells.get((way, shots, e), "") for e in (first, last))]
        for way, shots in dict.fromkeys((r["way"], r["shots"]) for r in rows)
    ]
    number = len(rows[0]["accuracies"])
    spread = f", mean +- sd of {number} seeds" if number > 1 else ""
    return format_table(
        ["", "labels a class", f"{first} epochs", f"{last} epochs"],
        lines,
        f"Accuracy on held-out digits 5 to 9{spread}",
    )


def matching_table(matching: dict[str, Any]) -> str:
    """How alike the features are, one line a pair of layers."""
    columns = ["source", "target", "CKA before", "CKA after"]
    lines = [
        [f"{x:.3f}" if isinstance(x, float) else x for x in pair.values()]
        for pair in matching["pairs"]
    ]
    return format_table(
        columns, lines,
        "Stage 3: a separable net learns from the fine-tuned one",
    )  # fmt: skip


def _about_matching(matching: dict[str, Any]) -> str:
    means = {
        name: sum(matching[name]) / len(matching[name])
        for name in ("matched", "labels alone")
    }
    return (
        "The separable net on held-out digits 5 to 9, "
        f"{matching['labels a class']} labels a class: "
        f"{means['matched']:.3f} with features and scores learnt from the "
        f"fine-tuned net on unlabelled digits, {means['labels alone']:.3f} "
        "from these labels alone."
    )


def plot(rows: list[Row], path: PathLike) -> None:
    """Draws accuracy over epochs, one panel a number of labels, as PNG."""
    all_shots = list(dict.fromkeys(row["shots"] for row in rows))
    width = 8 / len(all_shots)
    figure, panels = plots.panels(1, len(all_shots), width, 3.6, sharey=True)
    for axes, shots in zip(panels, all_shots, strict=True):
        _panel(axes, [row for row in rows if row["shots"] == shots])
        axes.set(title=f"{shots} labels a class", xlabel="epochs", xscale="log")
        epochs = sorted({row["epochs"] for row in rows})
        axes.set_xticks(epochs, epochs)
        axes.minorticks_off()
    figure.axes[0].set_ylabel("accuracy on held-out digits 5 to 9")
    figure.axes[-1].legend(loc="lower right", fontsize="small")
    plots.save_figure(figure, path)


def _panel(axes: Axes, rows: list[Row]) -> None:
    for way in dict.fromkeys(row["way"] for row in rows):
        curve = [row for row in rows if row["way"] == way]
        means = [row["mean"] for row in curve]
        if len(curve) == 1:
            axes.axhline(means[0], ls=":", color="grey", label=way)
            continue
        errors = [row["spread"] or 0 for row in curve]
        x = [row["epochs"] for row in curve]
        axes.errorbar(x, means, errors, marker="o", capsize=3, label=way)


def _accuracy(row: Row) -> str:
    if row["spread"] is None:
        return f"{row['mean']:.3f}"
    return f"{row['mean']:.3f} +- {row['spread']:.3f}"


def _first_and_last(differences: list[Row]) -> list[Row]:
    epochs = [difference["epochs"] for difference in differences]
    ends = (min(epochs), max(epochs))
    return [d for d in differences if d["epochs"] in ends]


def _verdict(difference: Row) -> str:
    gap, error = difference["mean"], difference["standard error"]
    spread = "" if error is None else f" +- {error:.3f} (standard error)"
    return (
        f"Fine-tuned minus from scratch, {difference['shots']} labels a class, "
        f"after {difference['epochs']} epochs: {gap:+.3f}{spread}"
    )
