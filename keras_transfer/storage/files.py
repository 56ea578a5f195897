"""Files: written so that nothing is lost, read so that errors are clear."""

import contextlib
import os
import shutil
import tempfile
import zipfile
from pathlib import Path

import keras


@contextlib.contextmanager
def replacing(path):
    """Gives a temporary path beside `path` and moves it there on success.

    Whatever goes wrong in between (a full disk, a kill, an exception), what
    stood at `path` before stays whole.

    Args:
        path: the file or folder to write. A folder is replaced as a whole.

    Yields:
        A `pathlib.Path` that does not exist yet and ends like `path`.

    Raises:
        OSError: the folder cannot be written to, with what to do about it.

    Examples:
        >>> with replacing("run/metrics.json") as temporary:
        ...     temporary.write_text("{}")
    """
    path = Path(path)
    with _explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=".writing-", dir=path.parent))
    try:
        temporary = folder / path.name
        with _explained(path):
            yield temporary
            _move_into_place(temporary, path, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def save_model(model, path):
    """Saves a Keras model to `path` without ever leaving half a file there.

    Args:
        model: a `keras.Model`.
        path: a path that ends in `.keras`.
    """
    with replacing(path) as temporary:
        model.save(temporary)


def load_model(path, *, compile=True):
    """Reads a saved model and says clearly what is wrong if it cannot.

    Args:
        path: a `.keras` file, or a whole model in `.h5`.
        compile: whether to compile it as it was when it was saved.

    Returns:
        The model.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is not a model that can be read.
    """
    path = Path(path)
    _check_model_file(path)
    try:
        return keras.saving.load_model(path, compile=compile)
    except Exception as error:
        # Whatever it is, the user needs to know which file it is about.
        raise ValueError(
            f"The model file '{path}' ({path.stat().st_size} bytes) cannot be "
            f"read: {type(error).__name__}: {error}. If it holds layers of "
            "your own, register them with "
            "`keras.saving.register_keras_serializable` and import that "
            "module first; if the file was cut short, save it again."
        ) from error


def _check_model_file(path):
    if path.is_dir():
        raise ValueError(
            f"Expected a .keras file. Received the folder '{path}'. A "
            "SavedModel cannot be trained further; use the .keras file that "
            "was saved with it."
        )
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no model file at '{path}' (looked in '{Path.cwd()}'). "
            "Expected a .keras file, as `model.save('model.keras')` or "
            "`keras-transfer fit` writes it."
        )
    if path.suffix == ".keras" and not zipfile.is_zipfile(path):
        raise ValueError(
            f"The model file '{path}' ({path.stat().st_size} bytes) cannot be "
            "read: it is not a .keras archive, or is damaged. Save the model "
            "again with `model.save(...)`."
        )


def _move_into_place(temporary, path, folder):
    # A folder cannot be renamed over another one: the old one steps aside,
    # into the temporary folder that is removed afterwards.
    if temporary.is_dir() and path.exists():
        os.replace(path, folder / "replaced")
    os.replace(temporary, path)


@contextlib.contextmanager
def _explained(path):
    try:
        yield
    except OSError as error:
        raise type(error)(
            error.errno,
            f"Could not write '{path}': {error.strerror or error}. What stood "
            "there before is unchanged. Expected a folder with write "
            "permission and enough free space; choose another one or make "
            "room",
        ) from error
