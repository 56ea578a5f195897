"""What callbacks have counted so far, as arrays and JSON."""

from collections.abc import Iterable
from typing import Any

import keras
import numpy as np

from keras_transfer import _private
from keras_transfer._private.types import Json, Nested
from keras_transfer.callbacks.unfreeze_on_plateau import UnfreezeOnPlateau

# What other callbacks know that `on_train_begin` would make them forget.
_REMEMBERED = {
    keras.callbacks.EarlyStopping: (
        "wait",
        "stopped_epoch",
        "best",
        "best_epoch",
        "best_weights",
    ),
    keras.callbacks.ReduceLROnPlateau: ("best", "wait", "cooldown_counter"),
    keras.callbacks.ModelCheckpoint: ("best", _private.BATCHES_SINCE_SAVED),
    keras.callbacks.SwapEMAWeights: (_private.SWAPPED,),
    UnfreezeOnPlateau: ("best", "wait", "cooldown_counter"),
}


def collect(
    callbacks: Iterable[keras.callbacks.Callback],
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Returns `(arrays, info)` of the callbacks that have something to keep.

    Of the kinds above that is what they count, of any other kind what its
    attribute `remembered`, a tuple of names, lists.
    """
    arrays, info = {}, {}
    for key, callback in _by_key(callbacks).items():
        values, lengths = {}, {}
        for name in _names_remembered(callback):
            value: Nested = getattr(callback, name, None)
            if _are_arrays(value):
                lengths[name] = len(value)
                for index, array in enumerate(value):
                    array = _known_to_numpy(np.asarray(array))
                    arrays[f"{key}/{name}/{index}"] = array
            else:
                values[name] = plain(value)
        info[key] = {"values": values, "lists": lengths}
    return arrays, info


def restore(
    callbacks: Iterable[keras.callbacks.Callback],
    arrays: dict[str, np.ndarray],
    info: dict[str, Any],
) -> None:
    """Brings callbacks to the state that `collect` saw."""
    for key, callback in _by_key(callbacks).items():
        if key not in info:
            continue
        for name, value in info[key]["values"].items():
            setattr(callback, name, value)
        for name, length in info[key]["lists"].items():
            kept = [arrays[f"{key}/{name}/{i}"] for i in range(length)]
            setattr(callback, name, kept)


def plain(value: Json) -> Json:
    """Numbers of NumPy and of any backend as Python's own."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return float(keras.ops.convert_to_numpy(value))


def _by_key(
    callbacks: Iterable[keras.callbacks.Callback],
) -> dict[str, keras.callbacks.Callback]:
    """The callbacks to remember: the second of a kind is `Kind/1`."""
    found = {}
    for callback in callbacks:
        if _names_remembered(callback):
            kind = type(callback).__name__
            number = sum(key.startswith(f"{kind}/") for key in found)
            found[f"{kind}/{number}"] = callback
    return found


def _names_remembered(callback: keras.callbacks.Callback) -> tuple[str, ...]:
    known = [
        name
        for kind, names in _REMEMBERED.items()
        if isinstance(callback, kind)
        for name in names
    ]
    return (*known, *getattr(callback, "remembered", ()))


def _known_to_numpy(array: np.ndarray) -> np.ndarray:
    # NumPy's files know no bfloat16, and float32 holds all of its values.
    return array.astype("float32") if array.dtype.name == "bfloat16" else array


def _are_arrays(value: object) -> bool:
    return isinstance(value, list) and all(hasattr(x, "shape") for x in value)
