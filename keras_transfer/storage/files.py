"""Model files: written whole, read so that errors are clear."""

import zipfile
from pathlib import Path

import keras

from keras_transfer.storage.replacing import recover, replacing


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
    if not path.exists():
        recover(path.parent)
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
