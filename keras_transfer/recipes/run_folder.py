"""A folder that holds a run: the model, how it was made, what it can do."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras

from keras_transfer import _version
from keras_transfer._private.types import PathLike
from keras_transfer.recipes import config_schema, plots, writers
from keras_transfer.recipes.assessment.unknown import UnknownDetector
from keras_transfer.serving import saved_model
from keras_transfer.storage import files
from keras_transfer.storage.json_files import read_json
from keras_transfer.storage.printing import shortened
from keras_transfer.storage.replacing import recover, replacing

if TYPE_CHECKING:
    from keras_transfer.data.dataset import Dataset
    from keras_transfer.models.transfer.transfer_model import TransferModel
    from keras_transfer.recipes.best_weights import TwoStageResult
    from keras_transfer.recipes.run_splits import RunSplits

UNKNOWN = "unknown.npz"
# What a run that is not whole yet has, as `run_in_progress` says.
UNFINISHED = "unfinished"


def check_name(folder: PathLike) -> None:
    """Makes sure that TensorFlow can write to a folder of this name.

    Raises:
        ValueError: it is not UTF-8.
    """
    try:
        str(folder).encode()
    except UnicodeEncodeError:
        raise ValueError(
            f"The path {str(folder)!a} has bytes that are not UTF-8, and "
            "TensorFlow cannot write there. Choose another folder."
        ) from None


def check_writable(folder: PathLike) -> None:
    """Makes the folder and writes to it, before anything costs time.

    Raises:
        ValueError: its name is not UTF-8, as TensorFlow needs it.
        OSError: it cannot be written.
    """
    check_name(folder)
    with replacing(Path(folder) / ".writable") as temporary:
        temporary.write_text("")
    (Path(folder) / ".writable").unlink()


def check_names(model: TransferModel, data: Dataset) -> None:
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


def versions() -> dict[str, str]:
    """The versions that a run depends on."""
    return {
        "keras_transfer": _version.__version__,
        "keras": keras.__version__,
        "backend": keras.backend.backend(),
        "python": platform.python_version(),
    }


def write(
    folder: PathLike,
    model: TransferModel,
    result: TwoStageResult,
    metrics: dict[str, Any],
    config: dict[str, Any],
    splits: RunSplits,
    detector: UnknownDetector | None = None,
) -> list[str]:
    """Writes everything about a run; each file is whole or not there.

    Args:
        folder: where to.
        model: the `TransferModel`.
        result: a `TwoStageResult`.
        metrics: dict of evaluations, for `metrics.json`.
        config: all arguments of the run, for `config.json`.
        splits: the `RunSplits` of its data.
        detector: the `UnknownDetector` of the model, or `None`.

    Returns:
        The names of what was written.
    """
    folder = Path(folder)
    files.save_model(model, folder / "model.keras")
    try:
        _write_about(folder, model, result, metrics, config, splits, detector)
    except OSError as error:
        raise type(error)(
            error.errno,
            f"The trained model is whole, in '{folder / 'model.keras'}'. What "
            f"goes with it is not: {error.strerror or error}. Make room, and "
            "end the run by --resume",
        ) from error
    return sorted(
        path.name
        for path in folder.iterdir()
        if not path.name.startswith(".") and path.name != UNFINISHED
    )


def _write_about(
    folder: Path,
    model: TransferModel,
    result: TwoStageResult,
    metrics: dict[str, Any],
    config: dict[str, Any],
    splits: RunSplits,
    detector: UnknownDetector | None,
) -> None:
    writers.write_rows(folder / "history.csv", result.history)
    writers.write_json(folder / "metrics.json", metrics)
    splits.write(folder)
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
    # With it the run is whole.
    writers.write_json(
        folder / "config.json", config | {"made_with": versions()}
    )


def read(folder: PathLike) -> tuple[TransferModel, dict[str, Any]]:
    """Reads a run back.

    Returns:
        `(model, config)`: the `TransferModel`, and what `config.json` holds.

    Raises:
        FileNotFoundError: the folder holds no run.
        ValueError: a file in it cannot be read.
    """
    folder = Path(folder)
    if not folder.exists():
        recover(folder.parent)
    if not (folder / "config.json").is_file():
        raise FileNotFoundError(
            f"'{folder}' does not hold a run: there is no config.json in it. "
            "Expected a folder that `keras-transfer fit` has written "
            "(its --output)."
        )
    config = read_json(
        folder / "config.json", config_schema.RUN,
        "Expected what `keras-transfer fit` has written; train the run again "
        "by --overwrite, or mend the file.",
    )  # fmt: skip
    return files.load_model(folder / "model.keras"), config


def read_detector(
    folder: PathLike, model: TransferModel
) -> UnknownDetector | None:
    """Returns the `UnknownDetector` of a run, `None` if it keeps none."""
    path = Path(folder) / UNKNOWN
    return UnknownDetector.load(path, model) if path.is_file() else None
