"""`data.load`: one call from a name or a folder to batches."""

import difflib
from pathlib import Path

from keras_transfer.data.dataset import Dataset, divide, to_dataset
from keras_transfer.data.digits import find_digits
from keras_transfer.data.folder import find_folder


def load(
    source,
    *,
    image_size=None,
    batch_size: int = 32,
    shots_per_class: int | None = None,
    validation_split: float = 0.2,
    test_split: float = 0.2,
    classes=None,
    channels: int = 3,
    seed: int = 0,
) -> Dataset:
    """Labelled images from a folder or a name, as seeded batches.

    A folder holds `train/CLASS/photo.jpg`, `test/CLASS/...` and, if you
    like, `validation/CLASS/...`; or `CLASS/photo.jpg` alone, from which
    a test and a validation part are held out by the seed. `"digits"` are
    scikit-learn's 1797 handwritten digits, which need no download.

    Files that are no photos are named in one warning and skipped. See
    `keras_transfer.data.read_photo` for how photos are read.

    Args:
        source: a folder, or `"digits"`.
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
        seed: fixes the splits, the shots and the order of the batches.

    Returns:
        A `Dataset` with `.train`, `.validation`, `.test`, `.class_names` and
        `.num_samples`. Its parts go into `fit`, `evaluate` and `predict` on
        any backend; only `.train` is shuffled.

    Raises:
        FileNotFoundError: for a folder that isn't there.
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
    if str(source) == "digits":
        found = find_digits(image_size, channels, classes)
    else:
        found = find_folder(_existing_folder(source), classes)
    splits = divide(found, validation_split, test_split, shots_per_class, seed)
    return to_dataset(
        found, splits, image_size or 224, channels, batch_size, seed
    )


def _existing_folder(source) -> Path:
    folder = Path(source).expanduser()
    if folder.is_dir():
        return folder
    if folder.exists():
        raise ValueError(
            f"{folder} is a file. Expected a folder of photos"
            + ("; unzip it first." if folder.suffix == ".zip" else ".")
        )
    raise FileNotFoundError(_nothing_there(folder))


def _nothing_there(folder: Path) -> str:
    parent = next(p for p in folder.absolute().parents if p.is_dir())
    wanted = folder.absolute().relative_to(parent).parts[0]
    names = [path.name for path in parent.iterdir() if path.is_dir()]
    near = difflib.get_close_matches(str(folder), ["digits"])
    near += difflib.get_close_matches(wanted, sorted(names), n=3)
    return (
        f"There is no folder {folder}: {parent} holds no {wanted!r}. "
        + (f"Near: {', '.join(near)}. " if near else "")
        + 'Expected a folder of photos, or "digits".'
    )
