"""The folder of a search: which search it holds, and whether it goes on."""

import json
import shutil
from pathlib import Path

import keras

from keras_transfer import _private
from keras_transfer.recipes import writers
from keras_transfer.storage import fingerprints

_DESCRIPTION, _LOGS = "search.json", "tensorboard"
# KerasTuner's own file.
_ORACLE = "oracle.json"


def describe(hypermodel, epochs, tuner, objective, seed, train, validation):
    """Returns what two searches have to share for one to continue the other.

    Models of one's own and data count by their digests.
    """
    about = {
        # Raised when files of a search come to mean something else.
        "format": 2,
        "tuner": tuner,
        "objective": objective,
        "epochs": epochs,
        "head_epochs": hypermodel.epochs_of_head(epochs),
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
    before = json.loads(path.read_text())
    for name, value in about.items():
        if value != before.get(name):
            raise ValueError(
                f"'{directory}' holds another search: its {name} is "
                f"{before.get(name)!r}. Received: {value!r}. Choose another "
                "folder, or pass overwrite=True to begin anew."
            )
    return True


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
