"""What `predict` has found as a table, and as rows of a CSV file."""

from collections import Counter
from typing import Any

from keras_transfer.recipes.writers import Row
from keras_transfer.storage.tables import format_table


def as_table(results: list[dict[str, Any]]) -> str:
    """Returns a line for each photo, as text.

    Args:
        results: dicts with `image`, what `serving.describe` returns, and
            `unknown` where the run has a detector.
    """
    if not results:
        return ""
    rows = [[result["image"], *_cells(result)] for result in results]
    columns = ["image", "label", "score", "next"][: len(rows[0])]
    if "unknown" in results[0]:
        columns.append("unknown")
        for row, result in zip(rows, results, strict=True):
            found = result["unknown"]
            word = "yes" if found["is_unknown"] else "no"
            row.append(f"{word}, {found['score']:.3f}")
    return format_table(columns, rows)


def as_rows(
    results: list[dict[str, Any]], damaged: dict[str, str]
) -> list[Row]:
    """Returns a dict for each photo, for a CSV file.

    Args:
        results: as in `as_table`.
        damaged: `{path: reason}` of the photos that cannot be read.
    """
    rows = [_row(result) for result in results]
    return rows + [
        {"file": path, "error": reason} for path, reason in damaged.items()
    ]


def as_counts(counts: Counter[str]) -> str:
    """Returns how many photos there are of each label, as text."""
    return format_table(["label", "photos"], counts.most_common())


def label_of(result: dict[str, Any]) -> str:
    """Returns the label of a photo, the labels with commas, or "numbers"."""
    if "values" in result:
        return "numbers"
    labels = result.get("labels", [result["top"][0]["label"]])
    return ", ".join(labels) or "none"


def _cells(result: dict[str, Any]) -> list[str]:
    if "values" in result:
        named = result["values"].items()
        return [", ".join(f"{name} {value:.4g}" for name, value in named)]
    first, *others = result["top"]
    following = ", ".join(f"{t['label']} {t['score']:.3f}" for t in others)
    return [label_of(result), f"{first['score']:.3f}", following]


def _row(result: dict[str, Any]) -> Row:
    row = {"file": result["image"]}
    if "values" in result:
        row |= result["values"]
    else:
        row["label"] = label_of(result)
        for place, each in enumerate(result["top"], start=1):
            row[f"label_{place}"] = each["label"]
            row[f"score_{place}"] = each["score"]
    if "unknown" in result:
        row["is_unknown"] = result["unknown"]["is_unknown"]
        row["unknown_score"] = result["unknown"]["score"]
    return row
