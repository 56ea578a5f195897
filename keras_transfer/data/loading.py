"""`data.load`: one call from a name or a folder to batches."""

import dataclasses
import difflib
from collections.abc import Iterable, Sequence
from pathlib import Path

from keras_transfer._private.types import PathLike
from keras_transfer.data.class_names import checked_names
from keras_transfer.data.dataset import Dataset, Source, divide, to_dataset
from keras_transfer.data.sources import (
    digits,
    folder,
    label_table,
    text_table,
    tfds,
)


def load(
    source: PathLike,
    *,
    image_size: int | tuple[int, int] | None = None,
    batch_size: int = 32,
    shots_per_class: int | None = None,
    validation_split: float = 0.2,
    test_split: float = 0.2,
    classes: Iterable[str] | None = None,
    channels: int = 3,
    task: str = "auto",
    cache: bool | str = "auto",
    data_dir: PathLike | None = None,
    text_column: str | None = None,
    label_column: str | Sequence[str] | None = None,
    seed: int = 0,
) -> Dataset:
    """Labelled images or texts from a folder or a name, as seeded batches.

    A folder holds `train/CLASS/photo.jpg`, `test/CLASS/...` and, if you
    like, `validation/CLASS/...`; or `CLASS/photo.jpg` alone, from which
    a test and a validation part are held out by the seed. A `labels.csv` in
    the folder (or one each in its `train` and `test`) goes before, for
    several labels a photo, or numbers:

    - `file,striped,indoor`: columns of 0 and 1 make a multi-label task with
      multi-hot float32 labels; `class_names` are the columns;
    - `file,weight_kg`: other numbers make a regression, float32 labels of
      shape `(batch, columns)`;
    - `file,breed`: one column of words makes a classification.

    A column `split` may say train, validation or test.

    `"digits"` are scikit-learn's 1797 handwritten digits, which need no
    download. `"tfds:NAME"` is an image data set that tensorflow-datasets has
    prepared in `data_dir`; nothing is downloaded.

    Texts come from a table, `texts.csv` (`.tsv`, `.jsonl`), with a column of
    texts, one of labels and perhaps one of splits; from a folder with
    `train.csv` and `test.csv`; or from one of `CLASS/text.txt`. Whole numbers
    and words are classes, other numbers a regression; empty texts are left
    out.

    Files that are no photos are named in one warning and skipped. See
    `keras_transfer.data.read_photo` for how photos are read.

    Args:
        source: a folder, `"digits"`, or `"tfds:NAME"`.
        image_size: side in pixels, or `(height, width)`; `None` is 224 for
            photos and 8 for the digits.
        batch_size: samples a batch.
        shots_per_class: training samples to draw of each class, or `None`
            for all. Validation and test stay whole.
        validation_split: the part of the training samples to hold out where
            the source has no validation part; 0 for none.
        test_split: the part of all samples to hold out where the source has
            no split at all; 0 for none.
        classes: names of the classes to keep, in the order of their labels;
            `None` keeps all.
        channels: 3 for RGB, 1 for grey.
        task: `"classification"`, `"multi_label"` or `"regression"`, where
            `labels.csv` could be read in more than one way.
        cache: `True` keeps every decoded photo in memory (uint8) after it
            was first read, `False` reads it again in every epoch, `"auto"`
            keeps what takes at most 2 GiB and an eighth of the free memory.
        data_dir: where tensorflow-datasets keeps its data; `None` is
            `$TFDS_DATA_DIR` or `~/tensorflow_datasets`.
        text_column: name of the texts' column of a table; `None` finds it.
        label_column: name of the labels' column, or of several columns of 0
            and 1 (a multi-label task); `None` finds it.
        seed: fixes the splits, the shots and the order of the batches.

    Returns:
        A `Dataset` with `.train`, `.validation`, `.test`, `.class_names` and
        `.num_samples`. Its parts go into `fit`, `evaluate` and `predict` on
        any backend; only `.train` is shuffled.

    Raises:
        FileNotFoundError: for a folder that isn't there.
        MemoryError: where `cache=True` would not fit.
        ValueError: for a folder without class folders, with one class or an
            empty one, or with other classes in test than in train.

    Example:

    ```python
    flowers = keras_transfer.data.load("flowers/", image_size=224)
    model.fit(flowers.train, validation_data=flowers.validation, epochs=5)
    ```
    """
    if channels not in (1, 3):
        raise ValueError(f"`channels` must be 1 or 3. Received: {channels}.")
    path = Path(source).expanduser()
    if text_table.is_text_source(path):
        found = text_table.find_texts(
            path, text_column, label_column, classes, task
        )
    else:
        found = _find(source, image_size, channels, classes, task, data_dir)
    found = dataclasses.replace(
        found,
        class_names=checked_names(found.class_names),
        target_names=checked_names(found.target_names),
    )
    splits = divide(found, validation_split, test_split, shots_per_class, seed)
    return to_dataset(
        found,
        splits,
        {
            "image_size": 224 if image_size is None else image_size,
            "channels": channels,
            "cache": cache,
        },
        batch_size=batch_size,
        seed=seed,
    )


def _find(
    source: PathLike,
    image_size: int | tuple[int, int] | None,
    channels: int,
    classes: Iterable[str] | None,
    task: str,
    data_dir: PathLike | None,
) -> Source:
    name = str(source)
    if name == "digits":
        return digits.find_digits(image_size, channels, classes)
    if name.startswith("tfds:"):
        return tfds.find_tfds(name.removeprefix("tfds:"), data_dir, classes)
    path = _existing_folder(source)
    if label_table.has_label_table(path):
        return label_table.find_label_table(path, classes, task)
    return folder.find_folder(path, classes)


def _existing_folder(source: PathLike) -> Path:
    path = Path(source).expanduser()
    if path.is_dir():
        return path
    if path.exists():
        raise ValueError(
            f"{path} is a file. Expected a folder of photos"
            + ("; unzip it first." if path.suffix == ".zip" else ".")
        )
    raise FileNotFoundError(_nothing_there(path))


def _nothing_there(missing: Path) -> str:
    parent = next(p for p in missing.absolute().parents if p.is_dir())
    wanted = missing.absolute().relative_to(parent).parts[0]
    names = [path.name for path in parent.iterdir() if path.is_dir()]
    near = difflib.get_close_matches(str(missing), ["digits"])
    near += difflib.get_close_matches(wanted, sorted(names), n=3)
    return (
        f"There is no folder {missing}: {parent} holds no {wanted!r}. "
        + (f"Near: {', '.join(near)}. " if near else "")
        + 'Expected a folder of photos, "digits", or "tfds:NAME".'
    )
