"""Files: written so that nothing is lost, read so that errors are clear."""

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

from keras_transfer.storage.low_rank import renew_low_rank_factors
from keras_transfer.storage.model_files import (
    check_model_file,
    read_model,
    remedy,
)


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


def load_model(path, *, custom_objects=None, compile=True, safe_mode=None):
    """Reads a saved model and says clearly what is wrong if it cannot.

    Args:
        path: a `.keras` file, or a whole model in `.h5`.
        custom_objects: classes and functions of your own by the name in the
            file, as in `keras.saving.load_model`.
        compile: whether to compile it as it was when it was saved.
        safe_mode: `False` runs code in the file, such as `Lambda` layers:
            for files that you trust. `None` is what Keras is set to.

    Returns:
        The model.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is not a model that can be read.
    """
    path = Path(path)
    check_model_file(path)
    try:
        model = read_model(
            path,
            custom_objects=custom_objects,
            compile=compile,
            safe_mode=safe_mode,
        )
    except Exception as error:
        # Whatever it is, the user needs to know which file it is about.
        raise ValueError(
            f"The model file '{path}' ({path.stat().st_size} bytes) cannot be "
            f"read: {type(error).__name__}: {error}. {remedy(path, error)}"
        ) from error
    renew_low_rank_factors(model)
    return model


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
