"""Model files: written whole, read so that errors are clear."""

from pathlib import Path
from typing import Any

import keras

from keras_transfer._private.types import PathLike
from keras_transfer.storage.low_rank import renew_low_rank_factors
from keras_transfer.storage.model_files import (
    check_model_file,
    read_model,
    remedy,
)
from keras_transfer.storage.replacing import recover, replacing


def save_model(model: keras.Model, path: PathLike) -> None:
    """Saves a Keras model to `path` without ever leaving half a file there.

    Args:
        model: a `keras.Model`.
        path: a path that ends in `.keras`.
    """
    with replacing(path) as temporary:
        model.save(temporary)


def load_model(
    path: PathLike,
    *,
    custom_objects: dict[str, Any] | None = None,
    compile: bool = True,
    safe_mode: bool | None = None,
) -> keras.Model:
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

    Example:

    ```python
    model = kt.load_model("flowers.keras")
    ```
    """
    path = Path(path)
    if not path.exists():
        recover(path.parent)
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
