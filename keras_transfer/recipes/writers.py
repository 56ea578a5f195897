"""Writers of the figures of a run: JSON, CSV, and tables for people."""

import csv
import io
import json
from collections.abc import Iterable
from typing import Any, TypeAlias

from keras_transfer._private.types import Json, PathLike
from keras_transfer.storage.replacing import replacing
from keras_transfer.storage.tables import format_table

# A row of a history or a table, its values by name.
Row: TypeAlias = dict[str, Any]


def write_text(path: PathLike, text: str) -> None:
    """Writes `text` to a file in UTF-8, whole or not at all.

    File names that are not UTF-8 keep the bytes that they have on the disk.
    """
    with replacing(path) as temporary:
        temporary.write_text(text, "utf-8", "surrogateescape")


def write_json(path: PathLike, content: Json) -> None:
    """Writes `content` as JSON, whole or not at all."""
    write_text(path, json.dumps(content, indent=2) + "\n")


def write_rows(path: PathLike, rows: Iterable[Row]) -> None:
    """Writes a list of dicts as CSV; a row without a column leaves it empty."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())


def stage_table(stages: Iterable[dict[str, Any]]) -> str:
    """The stages of a run as text."""
    rows = [
        [s["stage"], s["epochs"], f"{s['seconds']:.1f}", f"{s['val_loss']:.4f}"]
        for s in stages
        if s["epochs"]
    ]
    return format_table(["stage", "epochs", "seconds", "best loss"], rows)
