"""Short names of large things: equal if and only if the things are equal."""

import hashlib
import json

import keras
import numpy as np
from keras import ops

from keras_transfer import _keras_private


def of_arrays(*structures):
    """Returns the digest of nested arrays: their types, shapes and bytes."""
    digest = hashlib.blake2b(digest_size=16)
    for structure in structures:
        for leaf in keras.tree.flatten(structure):
            add_array(digest, leaf)
    return digest.hexdigest()


def add_array(digest, leaf):
    """Adds one array, or `None`, to a digest."""
    if leaf is None:
        digest.update(b"none")
        return
    array = np.ascontiguousarray(leaf)
    digest.update(f"{array.dtype.str}{array.shape}".encode())
    if array.dtype.hasobject:
        digest.update(repr(array.tolist()).encode())
    else:
        digest.update(array.view(np.uint8).data if array.size else b"")


def of_files(paths):
    """Returns the digest of some files: their names and what is in them."""
    digest = hashlib.blake2b(digest_size=16)
    for path in paths:
        digest.update(f"\0{path}\0".encode())
        with open(path, "rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def of_model(model):
    """Returns the digest of what a functional model computes.

    Structure and weights count, the names of layers do not: Keras numbers
    them by what happened before in the process.
    """
    digest = hashlib.blake2b(digest_size=16)
    place = {}
    for node in _keras_private.graph_nodes(model):
        operation, args, kwargs, outputs = _keras_private.node_call(node)
        config = _without_names(_config_of(operation))
        inputs = [
            place.get(id(leaf), str(leaf))
            if isinstance(leaf, keras.KerasTensor)
            else repr(leaf)
            for leaf in keras.tree.flatten((args, kwargs))
        ]
        what = [type(operation).__name__, config, inputs]
        digest.update(json.dumps(what, sort_keys=True, default=str).encode())
        for output in keras.tree.flatten(outputs):
            place[id(output)] = f"tensor {len(place)}"
    for weight in model.weights:
        add_array(digest, ops.convert_to_numpy(weight))
    return digest.hexdigest()


def _config_of(operation):
    try:
        return operation.get_config()
    except NotImplementedError:
        return {}


def _without_names(config):
    if isinstance(config, dict):
        dropped = ("name", "registered_name", "build_config")
        return {
            key: _without_names(value)
            for key, value in config.items()
            if key not in dropped
        }
    if isinstance(config, list | tuple):
        return [_without_names(value) for value in config]
    return config
