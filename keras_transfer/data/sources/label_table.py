"""`labels.csv` beside the photos: several labels, or numbers, for each.

One row a photo. The first line names the columns: `file` (a path relative to
the CSV), if you like `split` (train, validation or test), and the labels:

    file,split,striped,indoor          two or more columns of 0 and 1:
    photos/1.jpg,train,1,0             multi-label, float32 multi-hot

    file,weight_kg                     other numbers:
    1.jpg,4.25                         regression, float32 (samples, columns)

    file,breed                         one column of words, or of 0 and 1:
    1.jpg,siamese                      classification, integers
"""

import csv
import math
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

import numpy as np

from keras_transfer.data.class_names import checked_name
from keras_transfer.data.dataset import SPLIT_NAMES, LabelledInputs, Source
from keras_transfer.data.photos.checking import good_photos
from keras_transfer.data.sources.folder import chosen_classes, split_folders
from keras_transfer.storage.printing import shortened

FILE_NAME = "labels.csv"

# How tables say that a number is not there.
_MISSING = {
    *("nan", "na", "n/a", "null", "none"),
    *("inf", "-inf", "+inf", "infinity"),
}
# A number with a decimal comma, separators of thousands or a unit.
_LIKE_A_NUMBER = re.compile(r"[-+]?\d[\d.,' ]*\s*[^\W\d]{0,3}[%\u00b0]?")


def has_label_table(folder: Path) -> bool:
    """Whether the labels of this folder come from a CSV."""
    return any(
        (part / FILE_NAME).is_file()
        for part in {folder, *split_folders(folder).values()}
    )


def find_label_table(
    folder: Path, classes: Iterable[str] | None = None, task: str = "auto"
) -> Source:
    """Photos by split, with the labels that the CSV gives them."""
    rows, columns = _read_all(folder)
    task = _task(rows, columns, task, folder)
    good, skipped = good_photos([row["file"] for row in rows])
    rows = [row for row in rows if row["file"] in good]
    if not rows:
        raise ValueError(
            f"No row of the {FILE_NAME} in {folder} names a photo that can be "
            f"read. Files that can't be read: {len(skipped)}."
        )
    rows = _without_repeats(rows, columns)
    rows, labels, names = _LABELS[task](rows, columns, classes)
    splits = _by_split(rows, labels)
    if task == "classification" and classes is None:
        _check_classes(splits, names, folder)
    words = {"target_names" if task == "regression" else "class_names": names}
    return Source(splits, task=task, skipped=skipped, **words)


def _read_all(folder: Path) -> tuple[list[dict[str, str]], list[str]]:
    """The rows of the one CSV, or of those in the train and test folders."""
    if (folder / FILE_NAME).is_file():
        return _read(folder / FILE_NAME)
    tables = {
        name: _read(part / FILE_NAME)
        for name, part in split_folders(folder).items()
    }
    columns = tables["train"][1]
    for name, (rows, here) in tables.items():
        if here != columns:
            raise ValueError(
                f"{folder}: the {FILE_NAME} of {name} has the columns {here}, "
                f"that of train has {columns}. Give both the same ones."
            )
        for row in rows:
            row["split"] = name
    return [row for rows, _ in tables.values() for row in rows], columns


def _read(path: Path) -> tuple[list[dict[str, str]], list[str]]:
    """Rows with full file names, and the names of the label columns."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, skipinitialspace=True)
            rows, columns = list(reader), list(reader.fieldnames or [])
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(
            f"{path} can't be read: {error}. Expected text in UTF-8."
        ) from error
    _check_columns(path, columns)
    labels = [name for name in columns if name not in ("file", "split")]
    if "file" not in columns or not labels or not rows:
        raise ValueError(
            f"{path} must begin with a line of column names, among them "
            f"'file', and hold rows. Columns found: {columns or 'none'}. "
            "If class folders should count instead, rename this file."
        )
    for number, row in enumerate(rows, start=2):
        if None in row or None in row.values() or not row["file"]:
            raise ValueError(
                f"{path}, line {number}: expected {len(columns)} values for "
                f"{columns}."
            )
        row["file"] = str(_as_on_disk(path.parent, row["file"]))
        row["where"] = f"{path}, line {number}"
        for name in labels:
            row[name] = checked_name(row[name].strip())
            if not row[name]:
                raise ValueError(
                    f"{row['where']}: {name!r} is blank. Expected a label in "
                    "each row. Fill it in, or remove the row."
                )
    return rows, labels


def _as_on_disk(folder: Path, name: str) -> Path:
    """A file whose name macOS may have spelt otherwise than the table."""
    spelt = (unicodedata.normalize(form, name) for form in ("NFC", "NFD"))
    paths = (folder / each for each in (name, *spelt))
    return next((path for path in paths if path.exists()), folder / name)


def _check_columns(path: Path, columns: list[str]) -> None:
    repeated = [name for name in columns if columns.count(name) > 1]
    if repeated:
        raise ValueError(
            f"{path} has several columns named {repeated[0]!r}. Columns "
            f"found: {columns}. Give each label a name of its own."
        )
    for number, name in enumerate(columns, start=1):
        if not name.strip() or name.startswith("Unnamed:"):
            raise ValueError(
                f"{path}: column {number} has no name ({name!r}), as pandas "
                "writes its index. It would be taken for a label. Remove it: "
                "table.to_csv(path, index=False)."
            )


def _task(
    rows: list[dict[str, str]], columns: list[str], task: str, folder: Path
) -> str:
    if task != "auto":
        if task not in _LABELS:
            raise ValueError(
                f"`task` must be 'auto' or one of {tuple(_LABELS)}. "
                f"Received: {task!r}."
            )
        return task
    for name in columns:
        _refuse_broken_numbers(rows, name)
    values = {row[name] for row in rows for name in columns}
    if all(_is_number(value) for value in values):
        numbers = {float(value) for value in values}
        if numbers <= {0.0, 1.0}:
            return "multi_label" if len(columns) > 1 else "classification"
        if len(columns) > 1 and numbers <= {-1.0, 0.0, 1.0}:
            _refuse_uncertain(rows, columns)
        return "regression"
    if len(columns) == 1:
        return "classification"
    words = sorted(v for v in values if not _is_number(v))[:3]
    raise ValueError(
        f"{folder / FILE_NAME}: {len(columns)} label columns must hold 0 and 1 "
        f"(multi-label) or numbers (regression). Found: {words}. For classes "
        "by name, keep one column."
    )


def _refuse_broken_numbers(rows: list[dict[str, str]], name: str) -> None:
    """Raises where a column of numbers has something else in it.

    One blank would make a classification of it, with a class a number.
    """
    values = [row[name] for row in rows]
    odd = [row for row in rows if not _is_number(row[name])]
    if not odd:
        return
    missing = all(row[name].lower() in _MISSING for row in odd)
    mostly_numbers = 2 * len(odd) < len(rows)
    written_otherwise = len(set(values)) > len(rows) / 2 and all(
        _LIKE_A_NUMBER.fullmatch(value) for value in values
    )
    if written_otherwise or (mostly_numbers and missing):
        raise ValueError(
            f"{odd[0]['where']}: {name!r} is {odd[0][name]!r}, in a column "
            "that looks like numbers. Expected finite numbers with a decimal "
            "point and without units or separators of thousands: 1234.5. "
            "Mend or remove these rows; if they are names of classes, pass "
            "task='classification'."
        )


def _refuse_uncertain(
    rows: list[dict[str, str]], columns: list[str]
) -> NoReturn:
    row, name = next(
        (row, name)
        for row in rows
        for name in columns
        if float(row[name]) == -1
    )
    raise ValueError(
        f"{row['where']}: {name!r} is -1, in columns of 0 and 1. Expected 1 "
        "for yes and 0 for no. If -1 stands for 'uncertain', decide or remove "
        "the row; if these are numbers to predict, pass task='regression'."
    )


def _without_repeats(
    rows: list[dict[str, str]], columns: list[str]
) -> list[dict[str, str]]:
    """Rows without those that say the same of a photo again.

    Raises:
        ValueError: two rows say different things of one photo.
    """
    seen, kept = {}, []
    for row in rows:
        other = seen.setdefault(row["file"], row)
        if other is row:
            kept.append(row)
            continue
        for name in (*columns, "split"):
            if row.get(name) != other.get(name):
                raise ValueError(
                    f"{row['where']}: {Path(row['file']).name} comes again, "
                    f"with another {name} than before: {row.get(name)!r} "
                    f"instead of {other.get(name)!r} ({other['where']}). Keep "
                    "one row for each photo."
                )
    return kept


def _check_classes(
    splits: dict[str, LabelledInputs], names: list[str], folder: Path
) -> None:
    known = set(np.unique(splits.get("train", splits.get("all")).labels))
    for part, samples in splits.items():
        more = [names[i] for i in set(np.unique(samples.labels)) - known]
        if more:
            listed = ", ".join(shortened(sorted(more)))
            raise ValueError(
                f"{folder / FILE_NAME}: {part} and train don't hold the same "
                f"classes. Only in {part}: {listed}. Give train photos of "
                "them, or leave their class out: in Python classes=[...]."
            )


def _is_number(value: str) -> bool:
    try:
        return math.isfinite(float(value))
    except ValueError:
        return False


def _class_labels(
    rows: list[dict[str, str]],
    columns: list[str],
    classes: Iterable[str] | None,
) -> tuple[list[dict[str, str]], np.ndarray, list[str]]:
    if len(columns) != 1:
        raise ValueError(
            "Classification needs one label column. Received: "
            f"{columns}. For several at once pass task='multi_label'."
        )
    (column,) = columns
    for row in rows:
        # 0.0 and 1.0, as pandas writes them, are 0 and 1.
        if row[column] in ("0.0", "1.0"):
            row[column] = row[column][0]
    names = sorted({row[column] for row in rows})
    if classes is not None:
        names = chosen_classes(classes, names)
    elif len(names) < 2:
        raise ValueError(
            f"Column {column!r} holds one class: {names}. A classifier needs "
            "at least two."
        )
    rows = [row for row in rows if row[column] in names]
    labels = [names.index(row[column]) for row in rows]
    return rows, np.array(labels, np.int64), names


def _numbers(
    rows: list[dict[str, str]],
    columns: list[str],
    classes: Iterable[str] | None,
) -> tuple[list[dict[str, str]], np.ndarray, list[str]]:
    if classes is not None:
        raise ValueError(
            "`classes` chooses among single classes, and these data have "
            f"the label columns {columns}. Leave it out."
        )
    for row in rows:
        for name in columns:
            if not _is_number(row[name]):
                raise ValueError(
                    f"{row['where']}: {name} must be a finite number. "
                    f"Received: {row[name]!r}."
                )
    values = [[float(row[name]) for name in columns] for row in rows]
    return rows, np.array(values, np.float32), columns


def _multi_hot(
    rows: list[dict[str, str]],
    columns: list[str],
    classes: Iterable[str] | None,
) -> tuple[list[dict[str, str]], np.ndarray, list[str]]:
    rows, values, names = _numbers(rows, columns, classes)
    wrong = np.flatnonzero(~np.isin(values, (0, 1)).all(axis=1))
    if wrong.size:
        where = rows[wrong[0]]["where"]
        raise ValueError(f"{where}: multi-label values must be 0 or 1.")
    return rows, values, names


_LABELS = {
    "classification": _class_labels,
    "multi_label": _multi_hot,
    "regression": _numbers,
}


def _by_split(
    rows: list[dict[str, str]], labels: np.ndarray
) -> dict[str, LabelledInputs]:
    samples = LabelledInputs([row["file"] for row in rows], labels)
    if "split" not in rows[0]:
        return {"all": samples}
    names = [row["split"].strip().lower() for row in rows]
    names = np.array([SPLIT_NAMES.get(name or "train", name) for name in names])
    if not {"train"} <= set(names) <= set(SPLIT_NAMES.values()):
        raise ValueError(
            "Column 'split' must say train, validation or test, and train at "
            f"least once. Received: {sorted(set(names.tolist()))}."
        )
    return {
        name: samples.take(np.flatnonzero(names == name))
        for name in dict.fromkeys(names.tolist())
    }
