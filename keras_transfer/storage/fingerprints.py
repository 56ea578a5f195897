"""Short names of large things: equal if and only if the things are equal."""

import hashlib
import json
from collections.abc import Iterable
from typing import Any, Protocol

import keras
import numpy as np
from keras import ops
from numpy.typing import ArrayLike

from keras_transfer import _private
from keras_transfer._private.types import Json, Nested, PathLike


class _Readable(Protocol):
    def read(self) -> bytes: ...


def of_arrays(*structures: Nested) -> str:
    """Returns the digest of nested arrays: their types, shapes and bytes.

    A text among them counts with its UTF-8 bytes.
    """
    return of_each(structures)


def of_each(structures: Iterable[Nested]) -> str:
    """Returns what `of_arrays` does, holding one structure at a time."""
    digest = hashlib.blake2b(digest_size=16)
    for structure in structures:
        for leaf in keras.tree.flatten(structure):
            add_array(digest, leaf)
    return digest.hexdigest()


def add_array(digest: hashlib.blake2b, leaf: ArrayLike | None) -> None:
    """Adds one array, a text or `None` to a digest."""
    if leaf is None:
        digest.update(b"none")
        return
    if isinstance(leaf, str):
        leaf = np.frombuffer(_encoded(leaf), "uint8")
    array = np.ascontiguousarray(leaf)
    digest.update(f"{array.dtype.str}{array.shape}".encode())
    if array.dtype.hasobject:
        digest.update(repr(array.tolist()).encode())
    else:
        digest.update(array.view(np.uint8).data if array.size else b"")


def of_files(paths: Iterable[PathLike | _Readable]) -> str:
    """Returns the digest of some files: their names and what is in them.

    Args:
        paths: names, or objects with a `read()` of their own that gives bytes.
    """
    digest = hashlib.blake2b(digest_size=16)
    for path in paths:
        digest.update(_encoded(f"\0{path}\0"))
        if hasattr(path, "read"):
            digest.update(path.read())
            continue
        with open(path, "rb") as file:
            hashlib.file_digest(file, lambda: digest)
    return digest.hexdigest()


def _encoded(text: str) -> bytes:
    """UTF-8, or the bytes on the disk of a file name that is not UTF-8."""
    return text.encode("utf-8", "surrogateescape")


def of_model(model: keras.Model) -> str:
    """Returns the digest of what a functional model computes.

    Structure and weights count, the names of layers do not: Keras numbers
    them by what happened before in the process.
    """
    digest = hashlib.blake2b(digest_size=16)
    structure = _structure(_private.functional_graph(model))
    digest.update(json.dumps(structure, sort_keys=True, default=str).encode())
    for weight in model.weights:
        add_array(digest, ops.convert_to_numpy(weight))
    return digest.hexdigest()


def _structure(functional: keras.Model) -> list[list]:
    """The calls of a graph, its tensors and operations by their numbers."""
    place: dict[int, str] = {}
    number: dict[int, int] = {}

    def known(leaf: Nested) -> str:
        if not isinstance(leaf, keras.KerasTensor):
            return repr(leaf)
        shape = f"{leaf.shape} {leaf.dtype}"
        return place.setdefault(id(leaf), f"tensor {len(place)}: {shape}")

    starts = [known(leaf) for leaf in functional.inputs]
    calls = []
    for node in _private.graph_nodes(functional):
        operation, args, kwargs, outputs = _private.node_call(node)
        calls.append(
            [
                number.setdefault(id(operation), len(number)),
                _described(operation),
                [known(leaf) for leaf in keras.tree.flatten((args, kwargs))],
                [known(leaf) for leaf in keras.tree.flatten(outputs)],
            ]
        )
    return [starts, calls, [known(leaf) for leaf in functional.outputs]]


def _described(operation: keras.Operation) -> list:
    # A nested model's config has the names of its layers for its graph.
    if isinstance(operation, keras.Model):
        graph = _private.functional_graph(operation)
        if graph is not None and _private.runs_its_graph(operation):
            return ["graph", _structure(graph)]
    return [type(operation).__name__, _without_names(_config_of(operation))]


def _config_of(operation: keras.Operation) -> dict[str, Any]:
    try:
        return operation.get_config()
    except NotImplementedError:
        return {}


def _without_names(config: Json) -> Json:
    if isinstance(config, dict):
        if str(config.get("class_name")).endswith("DTypePolicy"):
            # The one thing whose name is what it is.
            return config
        dropped = ("name", "registered_name", "build_config")
        return {
            key: _without_names(value)
            for key, value in config.items()
            if key not in dropped
        }
    if isinstance(config, list | tuple):
        return [_without_names(value) for value in config]
    return config
