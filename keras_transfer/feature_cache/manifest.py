"""What lies beside the activations on disk: labels, weights, and the layout."""

import io
import json
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_transfer._private.types import Json, Nested, PathLike
from keras_transfer.feature_cache import rows
from keras_transfer.feature_cache.cached import CachedFeatures
from keras_transfer.storage import fingerprints
from keras_transfer.storage.replacing import replacing


def write(folder: PathLike, cached: CachedFeatures) -> None:
    """Writes the manifest of `CachedFeatures` whose rows are in `folder`."""
    folder, leaves = Path(folder), keras.tree.flatten(cached.rest)
    arrays = {str(i): x for i, x in enumerate(leaves) if x is not None}
    about = {
        "keras": keras.version(),
        "backend": keras.backend.backend(),
        "rows": cached.num_rows,
        "views": len(cached.views),
        "is_list": cached.is_several,
        "layout": [
            [list(store.row_shape), store.dtype] for store in cached.views[0]
        ],
        "rest": _described(cached.rest),
    }
    about["checksum"] = _checksum(folder, about, cached.starts, leaves)
    with replacing(folder / "labels.npz") as temporary:
        np.savez(temporary, starts=cached.starts, **arrays)
    with replacing(folder / "manifest.json") as temporary:
        temporary.write_text(json.dumps(about, indent=1))


def read(folder: PathLike, views: int) -> CachedFeatures | None:
    """Returns the `CachedFeatures` in a folder, or `None` if any is missing.

    Every file is compared with its checksum.
    """
    try:
        return _read(Path(folder), views)
    except Exception:
        # Not there, cut short, edited, or of another format.
        return None


def _read(folder: Path, views: int) -> CachedFeatures | None:
    about = json.loads(rows.read_file(folder / "manifest.json"))
    content = io.BytesIO(rows.read_file(folder / "labels.npz"))
    with np.load(content, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    rest, starts = _restored(about["rest"], arrays), arrays["starts"]
    expected = about.pop("checksum")
    leaves = keras.tree.flatten(rest)
    fits = _checksum(folder, about, starts, leaves) == expected
    if not fits or about["views"] != views or starts[-1] != about["rows"]:
        return None
    found = rows.stores(folder, about["rows"], views, about["layout"])
    if any(s.missing(0, about["rows"]) for view in found for s in view):
        return None
    return CachedFeatures(found, rest, starts, None, about["is_list"])


def _checksum(
    folder: Path,
    about: dict[str, Any],
    starts: np.ndarray,
    leaves: list[np.ndarray | None],
) -> str:
    """Of all that the manifest says, and of what, by the folder's name."""
    said = json.dumps([folder.name, about], sort_keys=True)
    return fingerprints.of_arrays(said, starts, leaves)


def _described(rest: Nested) -> Json:
    """The structure of nested arrays as JSON, with a number for each."""
    numbers = iter(range(len(keras.tree.flatten(rest))))

    def describe(value: Nested) -> Json:
        if isinstance(value, dict):
            # In the order in which keras.tree walks.
            return {"dict": [[k, describe(value[k])] for k in sorted(value)]}
        if isinstance(value, list | tuple):
            kind = "tuple" if isinstance(value, tuple) else "list"
            return {kind: [describe(each) for each in value]}
        number = next(numbers)
        return None if value is None else number

    return describe(rest)


def _restored(described: Json, arrays: dict[str, np.ndarray]) -> Nested:
    if described is None:
        return None
    if isinstance(described, int):
        return arrays[str(described)]
    ((kind, members),) = described.items()
    if kind == "dict":
        return {key: _restored(each, arrays) for key, each in members}
    found = [_restored(each, arrays) for each in members]
    return tuple(found) if kind == "tuple" else found
