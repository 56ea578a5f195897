"""A folder that holds a run: the model, how it was made, what it can do."""

import json
import platform
from pathlib import Path

import keras

from keras_transfer import _version
from keras_transfer.recipes import plots, writers
from keras_transfer.recipes.assessment.unknown import UnknownDetector
from keras_transfer.serving import saved_model
from keras_transfer.storage import files
from keras_transfer.storage.printing import shortened

UNKNOWN = "unknown.npz"


def check_writable(folder):
    """Makes the folder and writes to it, before anything costs time.

    Raises:
        ValueError: its name is not UTF-8, as TensorFlow needs it.
        OSError: it cannot be written.
    """
    try:
        str(folder).encode()
    except UnicodeEncodeError:
        raise ValueError(
            f"The path {str(folder)!a} has bytes that are not UTF-8, and "
            "TensorFlow cannot write there. Choose another folder."
        ) from None
    with files.replacing(Path(folder) / ".writable") as temporary:
        temporary.write_text("")
    (Path(folder) / ".writable").unlink()


def check_names(model, data):
    """Makes sure that labels mean the same to a model and to data.

    Raises:
        ValueError: the classes (or targets) have other names, or another
            order.
    """
    trained = list(model.class_names or [])
    found = list(data.class_names or data.target_names or [])
    if trained != found:
        received, expected = (
            ", ".join(shortened(names)) for names in (found, trained)
        )
        raise ValueError(
            "The data have other classes than the model was trained on. "
            f"Received: {received}. Expected: {expected}."
        )


def versions():
    """The versions that a run depends on."""
    return {
        "keras_transfer": _version.__version__,
        "keras": keras.__version__,
        "backend": keras.backend.backend(),
        "python": platform.python_version(),
    }


def write(folder, model, result, metrics, config, detector=None):
    """Writes everything about a run; each file is whole or not there.

    Args:
        folder: where to.
        model: the `TransferModel`.
        result: a `TwoStageResult`.
        metrics: dict of evaluations, for `metrics.json`.
        config: all arguments of the run, for `config.json`.
        detector: the `UnknownDetector` of the model, or `None`.

    Returns:
        The names of what was written.
    """
    folder = Path(folder)
    files.save_model(model, folder / "model.keras")
    writers.write_rows(folder / "history.csv", result.history)
    writers.write_json(folder / "metrics.json", metrics)
    writers.write_json(
        folder / "config.json", config | {"made_with": versions()}
    )
    names = "".join(f"{name}\n" for name in model.class_names or [])
    writers.write_text(folder / "classes.txt", names)
    if result.history:
        plots.plot_history(folder / "curves.png", result.history)
    if detector is not None:
        detector.save(folder / UNKNOWN)
    else:
        # One of an earlier run belongs to another model.
        (folder / UNKNOWN).unlink(missing_ok=True)
    saved_model.export_saved_model(model, folder / "saved_model")
    return sorted(path.name for path in folder.iterdir())


def read(folder):
    """Reads a run back.

    Returns:
        `(model, config)`: the `TransferModel`, and what `config.json` holds.

    Raises:
        FileNotFoundError: the folder holds no run.
        ValueError: a file in it cannot be read.
    """
    folder = Path(folder)
    if not (folder / "config.json").is_file():
        raise FileNotFoundError(
            f"'{folder}' does not hold a run: there is no config.json in it. "
            "Expected a folder that `keras-transfer fit` has written "
            "(its --output)."
        )
    config = json.loads((folder / "config.json").read_text())
    return files.load_model(folder / "model.keras"), config


def read_detector(folder, model):
    """Returns the `UnknownDetector` of a run, `None` if it keeps none."""
    path = Path(folder) / UNKNOWN
    return UnknownDetector.load(path, model) if path.is_file() else None
