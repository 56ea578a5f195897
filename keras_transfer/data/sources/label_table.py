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
from pathlib import Path

import numpy as np

from keras_transfer.data.dataset import SPLIT_NAMES, LabelledInputs, Source
from keras_transfer.data.photos.checking import good_photos
from keras_transfer.data.sources.folder import chosen_classes, split_folders

FILE_NAME = "labels.csv"


def has_label_table(folder: Path) -> bool:
    """Whether the labels of this folder come from a CSV."""
    return any(
        (part / FILE_NAME).is_file()
        for part in {folder, *split_folders(folder).values()}
    )


def find_label_table(folder: Path, classes=None, task="auto") -> Source:
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
    rows, labels, names = _LABELS[task](rows, columns, classes)
    splits = _by_split(rows, labels)
    words = {"target_names" if task == "regression" else "class_names": names}
    return Source(splits, task=task, skipped=skipped, **words)


def _read_all(folder):
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


def _read(path: Path):
    """Rows with full file names, and the names of the label columns."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, skipinitialspace=True)
            rows, columns = list(reader), list(reader.fieldnames or [])
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} can't be read: {error}") from error
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
        row["file"] = str(path.parent / row["file"])
        row["where"] = f"{path}, line {number}"
    return rows, labels


def _task(rows, columns, task, folder):
    if task != "auto":
        if task not in _LABELS:
            raise ValueError(
                f"`task` must be 'auto' or one of {tuple(_LABELS)}. "
                f"Received: {task!r}."
            )
        return task
    values = {row[name].strip() for row in rows for name in columns}
    if values <= {"0", "1"}:
        return "multi_label" if len(columns) > 1 else "classification"
    if all(_is_number(value) for value in values):
        return "regression"
    if len(columns) == 1:
        return "classification"
    words = sorted(v for v in values if not _is_number(v))[:3]
    raise ValueError(
        f"{folder / FILE_NAME}: {len(columns)} label columns must hold 0 and 1 "
        f"(multi-label) or numbers (regression). Found: {words}. For classes "
        "by name, keep one column."
    )


def _is_number(value):
    try:
        return math.isfinite(float(value))
    except ValueError:
        return False


def _class_labels(rows, columns, classes):
    if len(columns) != 1:
        raise ValueError(
            "Classification needs one label column. Received: "
            f"{columns}. For several at once pass task='multi_label'."
        )
    (column,) = columns
    names = sorted({row[column].strip() for row in rows})
    if classes is not None:
        names = chosen_classes(classes, names)
    elif len(names) < 2:
        raise ValueError(
            f"Column {column!r} holds one class: {names}. A classifier needs "
            "at least two."
        )
    rows = [row for row in rows if row[column].strip() in names]
    labels = [names.index(row[column].strip()) for row in rows]
    return rows, np.array(labels, np.int64), names


def _numbers(rows, columns, classes):
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


def _multi_hot(rows, columns, classes):
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


def _by_split(rows, labels) -> dict[str, LabelledInputs]:
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
