"""Model files: read, those of older Keras too, or why they cannot be."""

import collections
import zipfile
from pathlib import Path
from typing import Any

import keras

from keras_transfer._private.types import Json, PathLike
from keras_transfer.storage.printing import note

layers = keras.layers

# What older versions wrote into the config of these layers and this one does
# not know any more, with the only value that means nothing.
_CONVOLUTIONS = (
    layers.DepthwiseConv1D,
    layers.DepthwiseConv2D,
    layers.SeparableConv1D,
    layers.SeparableConv2D,
    layers.Conv1DTranspose,
    layers.Conv2DTranspose,
    layers.Conv3DTranspose,
)
_RECURRENT = (layers.LSTM, layers.GRU, layers.SimpleRNN, layers.RNN)
_WITHOUT_MEANING = {
    **dict.fromkeys(_CONVOLUTIONS, ("groups", 1)),
    **dict.fromkeys(_RECURRENT, ("time_major", False)),
}


def read_model(
    path: PathLike,
    *,
    custom_objects: dict[str, Any] | None = None,
    compile: bool = True,
    safe_mode: bool | None = None,
) -> keras.Model:
    """Reads a model as `keras.saving.load_model` does, and older ones.

    What an older version of Keras wrote into an `.h5` file, and this one
    refuses although it changes nothing, is left out; one printed line says so.

    Args:
        path: a `.keras` file, or a whole model in `.h5`.
        custom_objects: as in `keras.saving.load_model`.
        compile: as there.
        safe_mode: as there; `None` is what Keras is set to.

    Returns:
        The model.
    """
    options = {"compile": compile} | (
        {} if safe_mode is None else {"safe_mode": safe_mode}
    )
    try:
        return keras.saving.load_model(path, custom_objects, **options)
    except (TypeError, ValueError) as error:
        if not _may_be_older(path, error):
            raise
        dropped: collections.Counter[str] = collections.Counter()
        objects = _older_layers(dropped) | (custom_objects or {})
        model = keras.saving.load_model(path, objects, **options)
    note(
        f"model file: '{path}' is of an older Keras; left out, as it changes "
        f"nothing: {_told(dropped)}"
    )
    return model


def check_model_file(path: Path) -> None:
    """Raises where there is no model file at a path.

    Args:
        path: a `pathlib.Path`.

    Raises:
        FileNotFoundError: there is nothing.
        ValueError: a folder, or a damaged file.
    """
    if path.is_dir():
        raise ValueError(
            f"Expected a .keras file. Received the folder '{path}'. "
            + _about_folder(path)
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


def _about_folder(path: Path) -> str:
    if (path / "model.keras").is_file():
        return f"The model of this run is '{path / 'model.keras'}'."
    if not (path / "saved_model.pb").is_file():
        return "There is no model.keras in it; name the file."
    return (
        "A SavedModel holds what a model computes, and no layers: "
        f"keras.layers.TFSMLayer('{path}', call_endpoint='serving_default') "
        "runs it as one layer, on TensorFlow, but it cannot be trained, "
        "unfrozen by blocks, cut below its top or run on JAX and torch. Use "
        "the .keras or .h5 file that was saved with it, or save one where the "
        "SavedModel was made."
    )


def remedy(path: PathLike, error: Exception) -> str:
    """Returns what can be done about a file that cannot be read.

    Args:
        path: the file.
        error: what Keras has raised.
    """
    if "safe_mode" in str(error):
        return (
            "If you trust the file, read it with kt.load_model("
            f"'{path}', safe_mode=False), and pass that model where a path "
            "would do too, for example TransferModel(model, head=3)."
        )
    return (
        "If it holds layers or functions of your own, read it with "
        "kt.load_model(path, custom_objects={'Name': Name}), or register them "
        "with `keras.saving.register_keras_serializable` and import that "
        "module first; if the file was cut short, save it again."
    )


def _may_be_older(path: PathLike, error: Exception) -> bool:
    keys = {key for key, _ in _WITHOUT_MEANING.values()}
    named = any(f"'{key}'" in str(error) for key in keys)
    # In `.keras` files the layers of Keras cannot be replaced.
    return named and Path(path).suffix != ".keras"


def _older_layers(dropped: collections.Counter[str]) -> dict[str, type]:
    """Layer classes that take older configs and count what they leave out."""
    return {
        kind.__name__: _taking_older(kind, *known, dropped)
        for kind, known in _WITHOUT_MEANING.items()
    }


def _taking_older(
    kind: type[keras.layers.Layer],
    key: str,
    value: Json,
    dropped: collections.Counter[str],
) -> type[keras.layers.Layer]:
    class Older(kind):
        @classmethod
        def from_config(cls, config: dict[str, Any]) -> keras.layers.Layer:
            config = dict(config)
            if config.get(key, ...) == value:
                del config[key]
                dropped[f"{key}={value} of {kind.__name__}"] += 1
            # A layer of Keras, which is what a file of it will say.
            return kind.from_config(config)

    return Older


def _told(dropped: collections.Counter[str]) -> str:
    return ", ".join(f"{what} ({count}x)" for what, count in dropped.items())
