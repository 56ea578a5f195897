"""The folder of a search: which search it holds, and whether it goes on."""

import contextlib
import json
import shutil
from pathlib import Path

import keras

from keras_transfer import _private
from keras_transfer.recipes import writers
from keras_transfer.storage import fingerprints
from keras_transfer.storage.json_files import read_json

_DESCRIPTION, _LOGS = "search.json", "tensorboard"
# KerasTuner's own file.
_ORACLE = "oracle.json"
_OF_DAMAGED_FILES = (
    ValueError, KeyError, TypeError, AttributeError, IndexError, RuntimeError,
)  # fmt: skip
BEGIN_ANEW = "Choose another folder, or pass overwrite=True to begin anew."


def describe(hypermodel, epochs, tuner, objective, seed, train, validation):
    """Returns what two searches have to share for one to continue the other.

    Models of one's own and data count by their digests.
    """
    about = {
        # Raised when files of a search come to mean something else.
        "format": 3,
        "tuner": tuner,
        "objective": objective,
        "epochs": epochs,
        "head_epochs": hypermodel.head_epochs,
        "space": hypermodel.space,
        "num_classes": hypermodel.num_classes,
        "input_shape": hypermodel.input_shape,
        "weights": str(hypermodel.weights),
        "sources": {
            name: _digest(source)
            for name, source in hypermodel.backbones.items()
            if isinstance(source, keras.Model)
        },
        "training samples": train.num_samples,
        "training data": train.fingerprint(),
        "validation data": validation.fingerprint(),
        "seed": [seed, hypermodel.seed],
    }
    # As it comes out of a file.
    return json.loads(json.dumps(about))


def _digest(model):
    if _private.functional_graph(model) is None:
        return fingerprints.of_arrays(model.get_weights())
    return fingerprints.of_model(model)


def holds_search(directory, about, overwrite):
    """Whether the folder holds this search, begun before.

    Raises:
        ValueError: it holds another one.
    """
    directory = Path(directory)
    if overwrite:
        _remove_search(directory)
    path = directory / _DESCRIPTION
    if not path.is_file():
        if (directory / _ORACLE).exists():
            raise ValueError(
                f"'{directory}' holds a search of KerasTuner's own. Choose "
                "another folder, or pass overwrite=True to begin anew."
            )
        return False
    before = read_json(path, remedy=BEGIN_ANEW)
    for name, value in about.items():
        if value != before.get(name):
            raise ValueError(
                f"'{directory}' holds another search: its {name} is "
                f"{before.get(name)!r}. Received: {value!r}. Choose another "
                "folder, or pass overwrite=True to begin anew."
            )
    return True


@contextlib.contextmanager
def named_errors(directory, goes_on):
    """Turns what KerasTuner raises for damaged files into one that names them.

    Args:
        directory: the folder of the search.
        goes_on: whether there are any to read.

    Raises:
        ValueError: files of the search are not what KerasTuner has written.
    """
    if goes_on:
        for path in _files_of_keras_tuner(Path(directory)):
            read_json(path, remedy=BEGIN_ANEW)
    try:
        yield
    except _OF_DAMAGED_FILES as e:
        if not goes_on:
            raise
        raise ValueError(
            f"The search in '{directory}' cannot be read: {_ORACLE}, a "
            f"tuner*.json or a trial.json is damaged ({type(e).__name__}: "
            f"{e}). {BEGIN_ANEW}"
        ) from e


def _files_of_keras_tuner(directory):
    kinds = (_ORACLE, "tuner*.json", "trial_*/trial.json")
    return [path for kind in kinds for path in directory.glob(kind)]


def _remove_search(directory):
    """Removes what belongs to a search, and nothing else."""
    named = [directory / name for name in (_DESCRIPTION, _ORACLE)]
    for path in [*named, *directory.glob("tuner*.json")]:
        path.unlink(missing_ok=True)
    for path in [*directory.glob("trial_*"), directory / _LOGS]:
        shutil.rmtree(path, ignore_errors=True)


def write(directory, about):
    """Writes which search a folder holds."""
    writers.write_json(Path(directory) / _DESCRIPTION, about)


def tensorboard_callbacks(directory, tensorboard):
    """The callbacks that write TensorBoard's logs into the folder."""
    if not tensorboard:
        return []
    if keras.backend.backend() != "tensorflow":
        raise ValueError(
            "TensorBoard's logs are written by TensorFlow. Received: the "
            f"backend {keras.backend.backend()!r}. Set "
            "KERAS_BACKEND=tensorflow, or leave tensorboard=False."
        )
    folder = str(Path(directory) / _LOGS)
    return [keras.callbacks.TensorBoard(folder, write_graph=False)]
