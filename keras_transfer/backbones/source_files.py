"""Model and weight files that users bring, with errors that name the file."""

import json
import warnings
import zipfile
from pathlib import Path

import h5py
import keras

from keras_transfer._private.types import PathLike
from keras_transfer.backbones.applications import APPLICATIONS


def load_weights(
    model: keras.Model, path: PathLike, architecture: str | None = None
) -> None:
    """Loads a weight file, with errors that name the file and the model.

    Args:
        model: A built model.
        path: A `.weights.h5`, `.h5` or `.keras` file.
        architecture: What to call the model in an error; its name if `None`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file does not fit the model.
    """
    check_weight_file(path)
    try:
        with warnings.catch_warnings(record=True) as caught:
            model.load_weights(path)
    except Exception as error:
        # Keras has a dozen of them, and none says which file it is about; the
        # warnings that come with them, one a layer, say nothing more.
        raise ValueError(
            f"The weights in {str(path)!r} do not fit "
            f"{architecture or model.name!r}, which has "
            f"{len(model.weights)} arrays of weights. "
            f"{_described_file(path, len(model.weights))}\n"
            f"Keras said: {error}"
        ) from error
    for each in caught:
        warnings.warn(each.message, each.category, stacklevel=2)


def check_weight_file(path: PathLike) -> None:
    """Raises a FileNotFoundError if there is no weight file at `path`."""
    if not Path(path).is_file():
        raise FileNotFoundError(
            f"There is no weight file at {str(path)!r} (looked in "
            f"{str(Path.cwd())!r}). `weights` is a path to a .weights.h5, "
            ".h5 or .keras file, 'imagenet' or None."
        )


def _described_file(path: PathLike, num_wanted: int) -> str:
    """What can be told about a file that did not fit."""
    name = _saved_model_name(path)
    if name is not None:
        return f"The file holds the model {name!r}."
    count = _count_arrays(path)
    if count is None:
        return "The file is not a weight file, or is damaged."
    if 0 < count - num_wanted <= 6:
        return (
            f"The file holds {count} arrays: it may include the classifier's "
            "top. Build the whole model with it and pass that model as the "
            "backbone; it is cut for you."
        )
    same = [x.name for x in APPLICATIONS.values() if x.num_weights == count]
    alike = f", as many as {' and '.join(same)} without top" if same else ""
    return f"The file holds {count} arrays{alike}."


def _saved_model_name(path: PathLike) -> str | None:
    if not zipfile.is_zipfile(path):
        return None
    with zipfile.ZipFile(path) as archive:
        if "config.json" not in archive.namelist():
            return None
        config = json.loads(archive.read("config.json"))
    return config.get("config", {}).get("name")


def _count_arrays(path: PathLike) -> int | None:
    found = []

    def visit(name: str, node: h5py.Group | h5py.Dataset) -> None:
        # The optimizer's state lies beside the weights in a checkpoint.
        if isinstance(node, h5py.Dataset) and "optimizer" not in name:
            found.append(name)

    try:
        with h5py.File(path, "r") as file:
            file.visititems(visit)
    except OSError:
        return None
    return len(found)
