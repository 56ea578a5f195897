"""Texts with labels: a CSV or JSON-lines file, or a folder of text files.

A table has a column of texts and one of labels, or several of 0 and 1:

    text,label                          words, or whole numbers:
    How far is it?,number               classification

    text,stars                          other numbers, or by `task`:
    Well made.,4.5                      regression, float32 (samples, 1)

    text,angry,urgent                   `label_column=["angry", "urgent"]`:
    Where is it?,0,1                    multi-label, float32 multi-hot

A folder has `train.csv` and, if you like, `test.csv` and `validation.csv`
(`.tsv`, `.jsonl` too), or `CLASS/text.txt`, or `train/CLASS/text.txt`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from keras_transfer.data.class_names import checked_name
from keras_transfer.data.dataset import SPLIT_NAMES, LabelledInputs, Source
from keras_transfer.data.sources.folder import (
    PHOTO_SUFFIXES,
    chosen_classes,
    split_folders,
)
from keras_transfer.storage.printing import note

if TYPE_CHECKING:
    import pandas as pd

TABLES = (".csv", ".tsv", ".jsonl")
# Names that people give these columns.
_TEXTS = ("text", "sentence", "review", "question", "content", "message")
_LABELS = ("label", "class", "category", "target", "labels")
_SPLIT = "split"


def is_text_source(path: Path) -> bool:
    """Whether a path holds texts, not photos."""
    if path.is_file():
        return path.suffix.lower() in TABLES
    return bool(path.is_dir() and (_tables_in(path) or _has_text_files(path)))


def find_texts(
    path: Path,
    text_column: str | None = None,
    label_column: str | Sequence[str] | None = None,
    classes: Iterable[str] | None = None,
    task: str = "auto",
) -> Source:
    """Texts by split, with their labels.

    Args:
        path: a table, or a folder.
        text_column: name of the column of texts; `None` finds it.
        label_column: name of the labels' column, or of several of 0 and 1;
            `None` finds it.
        classes: names of the classes to keep, in the order of their labels.
        task: as in `data.load`.

    Raises:
        ValueError: no such columns, labels that are missing, one class.
    """
    table = _read(path)
    texts = _column(table, path, "text", text_column, _TEXTS)
    if isinstance(label_column, (list, tuple)):
        columns = [_given(table, path, "label", name) for name in label_column]
    else:
        rest = [name for name in table if name not in (texts, _SPLIT)]
        name = label_column if label_column is None else str(label_column)
        columns = [_column(table[rest], path, "label", name, _LABELS)]
    table = _without_empty(table, texts, path)
    _check_labels_there(table, columns, path)
    task = _task(table, columns, task)
    about, labels = _labels(table, columns, task, classes, path)
    kept = labels if task != "classification" else labels[labels >= 0]
    table = table if len(kept) == len(table) else table[labels >= 0]
    return Source(_by_split(table, texts, kept), task=task, **about)


def _read(path: Path) -> pd.DataFrame:
    """The rows of one table, or of a folder's, under `split`."""
    import pandas as pd

    if path.is_file():
        return _table(path)
    found = _tables_in(path)
    if not found:
        return _text_files(path)
    parts = {split: _table(each) for split, each in found.items()}
    columns = list(parts["train"])
    for split, part in parts.items():
        if set(part) != set(columns):
            raise ValueError(
                f"{path}: {found[split].name} has the columns {list(part)}, "
                f"{found['train'].name} has {columns}. Give both the same."
            )
        part[_SPLIT] = split
    return pd.concat(parts.values(), ignore_index=True)


def _table(path: Path) -> pd.DataFrame:
    import pandas as pd

    try:
        if path.suffix.lower() == ".jsonl":
            table = pd.read_json(path, lines=True, encoding="utf-8")
        else:
            separator = "\t" if path.suffix.lower() == ".tsv" else ","
            table = pd.read_csv(path, sep=separator, encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} is no UTF-8 ({error.reason} at byte {error.start}). "
            "Save it as UTF-8: from pandas, table.to_csv(path, index=False)."
        ) from error
    except ValueError as error:
        raise ValueError(
            f"{path} can't be read as a table: {error}. Expected a first line "
            "with the names of the columns, and one text a row."
        ) from error
    if not len(table):
        raise ValueError(
            f"{path} has no rows. Received: the columns {list(table)}. "
            "Expected one text a row."
        )
    return table


def _tables_in(folder: Path) -> dict[str, Path]:
    """The tables of a folder by split; none without one of training."""
    found = {}
    for path in sorted(folder.iterdir()):
        split = SPLIT_NAMES.get(path.stem.lower())
        if path.is_file() and path.suffix.lower() in TABLES and split:
            found[split] = path
    return found if "train" in found else {}


def _has_text_files(folder: Path) -> bool:
    """Whether there are `CLASS/text.txt`, and no photos beside them."""
    parts = {folder, *split_folders(folder).values()}
    files = [path for part in parts for path in part.glob("*/*")]
    suffixes = {path.suffix.lower() for path in files}
    return ".txt" in suffixes and not suffixes & set(PHOTO_SUFFIXES)


def _text_files(folder: Path) -> pd.DataFrame:
    import pandas as pd

    splits = split_folders(folder)
    rows = []
    for split, part in splits.items():
        for path in sorted(part.glob("*/*.txt")):
            try:
                text = path.read_text("utf-8")
            except UnicodeDecodeError as error:
                raise ValueError(
                    f"{path} is no UTF-8 ({error.reason} at byte "
                    f"{error.start}). Save it as UTF-8, or remove it."
                ) from error
            row = {"text": text, "label": path.parent.name}
            rows.append(row | ({} if "all" in splits else {_SPLIT: split}))
    return pd.DataFrame(rows)


def _column(
    table: pd.DataFrame,
    path: Path,
    what: str,
    name: str | None,
    usual: Sequence[str],
) -> str:
    """The column that was named, or the one that has a usual name."""
    if name is not None:
        return _given(table, path, what, name)
    lower = {str(each).lower().strip(): each for each in table}
    for each in usual:
        if each in lower:
            return lower[each]
    others = [each for each in table if each != _SPLIT]
    if len(others) == 1:
        return others[0]
    raise ValueError(
        f"{path}: which column holds the {what}s? Received: the columns "
        f"{list(table)}. Expected one named {' or '.join(usual[:3])}, or "
        f"{what}_column= with its name."
    )


def _given(table: pd.DataFrame, path: Path, what: str, name: str) -> str:
    if name not in table:
        raise ValueError(
            f"{path} has no column {name!r} for the {what}s. Received: the "
            f"columns {list(table)}."
        )
    return name


def _without_empty(
    table: pd.DataFrame, column: str, path: Path
) -> pd.DataFrame:
    """The rows that have a text; says how many are empty or there twice."""
    texts = table[column]
    is_text = texts.map(lambda each: isinstance(each, str))
    others = table[~is_text & texts.notna()]
    if len(others):
        raise ValueError(
            f"{path}: row {others.index[0]} of {column!r} is no text. "
            f"Received: {others[column].iloc[0]!r}; {len(others)} of "
            f"{len(table)} rows are none. Expected text in each row."
        )
    full = is_text & texts.fillna("").astype(str).str.strip().ne("")
    table = table[full]
    if not len(table):
        raise ValueError(f"{path}: every row of {column!r} is empty.")
    double = int(table[column].duplicated().sum())
    if double or not full.all():
        note(
            f"texts: {int((~full).sum())} empty ones left out; {double} are "
            "there more than once"
        )
    return table


def _check_labels_there(
    table: pd.DataFrame, columns: list[str], path: Path
) -> None:
    for name in columns:
        missing = table[table[name].isna()]
        if len(missing):
            raise ValueError(
                f"{path}: row {missing.index[0]} has no label in {name!r}; "
                f"{len(missing)} of {len(table)} rows have none. Fill them in, "
                "or remove these rows."
            )


def _task(table: pd.DataFrame, columns: list[str], task: str) -> str:
    if task != "auto":
        return task
    if len(columns) > 1:
        return "multi_label"
    values = table[columns[0]]
    is_number = values.dtype.kind == "f" and (values % 1).any()
    return "regression" if is_number else "classification"


def _labels(
    table: pd.DataFrame,
    columns: list[str],
    task: str,
    classes: Iterable[str] | None,
    path: Path,
) -> tuple[dict, np.ndarray]:
    """What `Source` says of the labels, and an array of them."""
    if task != "classification":
        numbers = _numbers(table, columns, task, path)
        names = "target_names" if task == "regression" else "class_names"
        return {names: list(columns)}, numbers
    values = table[columns[0]]
    if values.dtype.kind == "f" and not (values % 1).any():
        values = values.astype(int)
    words = [checked_name(str(each).strip()) for each in values]
    names = sorted(set(words), key=_in_order)
    if classes is not None:
        names = chosen_classes(classes, names)
    if len(names) < 2:
        raise ValueError(
            f"{path}: there is one class, {names[0]!r}, in {columns[0]!r}. "
            "Expected at least two."
        )
    number = {name: index for index, name in enumerate(names)}
    return {"class_names": names}, np.array([number.get(w, -1) for w in words])


def _numbers(
    table: pd.DataFrame, columns: list[str], task: str, path: Path
) -> np.ndarray:
    try:
        numbers = table[columns].to_numpy("float32")
    except ValueError as error:
        raise ValueError(
            f"{path}: {columns} are no numbers, as {task} needs them ({error})."
        ) from error
    if task == "multi_label" and not np.isin(numbers, (0, 1)).all():
        raise ValueError(
            f"{path}: {columns} hold other numbers than 0 and 1, of which "
            "labels are made. Pass task='regression', or one column."
        )
    return numbers


def _in_order(name: str) -> tuple[bool, float, str]:
    """Whole numbers by their size, words by their letters."""
    is_number = name.lstrip("-").isdecimal()
    return not is_number, float(name) if is_number else 0.0, name


def _by_split(
    table: pd.DataFrame, column: str, labels: np.ndarray
) -> dict[str, LabelledInputs]:
    texts = table[column].to_numpy(object)
    if _SPLIT not in table:
        return {"all": LabelledInputs(texts, labels)}
    splits = np.array(
        [SPLIT_NAMES.get(str(s).strip().lower(), "") for s in table[_SPLIT]]
    )
    if "" in splits:
        wrong = table[_SPLIT].iloc[int(np.argmax(splits == ""))]
        raise ValueError(
            f"The column {_SPLIT!r} says {wrong!r}. Expected train, "
            "validation or test."
        )
    return {
        name: LabelledInputs(texts[splits == name], labels[splits == name])
        for name in dict.fromkeys(splits.tolist())
    }
