"""How a model is trained, and on what, in short: to tell two runs apart."""

from typing import Any

import keras
import numpy as np

from keras_transfer._private.types import Data, Json
from keras_transfer.data.seeded_batches import SeededBatches
from keras_transfer.storage import fingerprints

# Of a serialized object: what it is called and where it is from.
_LEFT_OUT = {"name", "module", "registered_name", "build_config"}
_SAMPLES_LOOKED_AT = 4


def of_training(model: keras.Model) -> dict:
    """Returns how a compiled model is trained: flat, of what JSON can hold."""
    parts = {
        "optimizer": model.optimizer,
        "loss": model.loss,
        "regularizer": getattr(model, "regularizer", None),
    }
    found = {}
    for name, part in parts.items():
        try:
            part = keras.saving.serialize_keras_object(part)
        except (TypeError, ValueError, NotImplementedError):
            # A function or an object of the user's own.
            part = getattr(part, "__name__", type(part).__name__)
        _flatten(part, name, found)
    return found


def of_samples(data: Data) -> dict:
    """Returns which samples these are, by their number, labels and first ones.

    Empty for data that cannot be read at any place.
    """
    labels = data.known_labels() if isinstance(data, SeededBatches) else None
    if labels is None:
        return {}
    mixing = {"mixing": data.mixing.method} if data.mixing else {}
    first = data.read(np.arange(min(_SAMPLES_LOOKED_AT, data.num_samples)))
    return {
        "number of samples": data.num_samples,
        "digest of the labels": fingerprints.of_arrays(labels),
        "digest of the first samples": fingerprints.of_arrays(first[0]),
        **mixing,
    }


def differences(now: dict, before: dict) -> list[str]:
    """Returns what differs, in words."""
    names = [*now, *(name for name in before if name not in now)]
    return [
        f"{name} is {now.get(name)!r} after {before.get(name)!r}"
        for name in names
        if now.get(name) != before.get(name)
    ]


def _flatten(value: Json, name: str, found: dict[str, Any]) -> None:
    if isinstance(value, dict):
        inner = {k: v for k, v in value.items() if k not in _LEFT_OUT}
        # What Keras wraps around a configuration.
        config = inner.pop("config", None)
        for key, each in inner.items():
            _flatten(each, f"{name}.{key}", found)
        if config is not None:
            _flatten(config, name, found)
    elif isinstance(value, list | tuple):
        for number, each in enumerate(value):
            _flatten(each, f"{name}.{number}", found)
    elif isinstance(value, bool | int | str) or value is None:
        found[name] = value
    else:
        found[name] = float(keras.ops.convert_to_numpy(value))
