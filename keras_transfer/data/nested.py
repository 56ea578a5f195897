"""Nested arrays with one sample a row; a `None` among them stays `None`."""

import functools
import sys
from collections.abc import Sequence

import keras
import numpy as np
from numpy.typing import ArrayLike

from keras_transfer._private.types import Nested, Tensor

# Returns the results of a function of each array, nested likewise.
map_arrays = functools.partial(keras.tree.map_structure, none_is_leaf=False)


def are_arrays(data: object) -> bool:
    """Whether data are an array, a list of values, or nothing but such.

    Arrays are what NumPy can read: NumPy's own, pandas, h5py, tensors.
    """
    if isinstance(data, dict):
        return bool(data) and all(map(are_arrays, data.values()))
    if isinstance(data, (list, tuple)):
        return bool(data) and (_are_values(data) or all(map(are_arrays, data)))
    return hasattr(data, "__array__") and len(getattr(data, "shape", ())) > 0


def _are_values(data: object) -> bool:
    """Whether it is a list of numbers or texts, or of such lists."""
    while isinstance(data, (list, tuple)) and data:
        data = data[0]
    return isinstance(data, (int, float, str, bytes, np.generic))


def to_numpy(data: Nested) -> Nested:
    """Returns what `are_arrays` accepts as NumPy arrays, `None` as it is.

    Floats have Keras' float type. Lists of arrays become tuples: `tf.data`
    would take a list for one array. A pandas Series becomes a column, as in
    Keras.

    Raises:
        ValueError: a list whose rows have several lengths.
    """
    if data is None:
        return None
    if isinstance(data, dict):
        return {name: to_numpy(part) for name, part in data.items()}
    if isinstance(data, (list, tuple)):
        if _are_values(data):
            return _from_values(data)
        parts = map(to_numpy, data)
        is_plain = type(data) in (list, tuple)
        return tuple(parts) if is_plain else type(data)(*parts)
    return _leaf(data)


def _from_values(data: Sequence) -> np.ndarray:
    try:
        return _leaf(np.array(data))
    except ValueError as error:
        raise ValueError(
            "A list of samples needs rows of one length. Received: "
            f"{len(data)} rows of several lengths. Pad them to the longest, "
            "for example with keras.utils.pad_sequences."
        ) from error


def _leaf(leaf: Tensor) -> np.ndarray:
    is_series = type(leaf).__module__.startswith("pandas")
    if hasattr(leaf, "detach"):  # a torch tensor, with whatever backend
        leaf = leaf.detach().cpu()
    array = np.asarray(leaf)
    is_text = array.dtype.kind in "USO"
    if not is_text and keras.backend.is_float_dtype(array.dtype):
        array = array.astype(keras.config.floatx(), copy=False)
    return array[:, None] if is_series and array.ndim == 1 else array


def as_arrays(structure: Nested) -> Nested:
    """Returns tensors of any backend as NumPy arrays."""
    return map_arrays(np.asarray, structure)


def as_tuple(batch: Nested) -> tuple:
    """Returns a batch as a tuple `(x,)`, `(x, y)` or `(x, y, weights)`."""
    if not isinstance(batch, tuple):
        batch = tuple(batch) if isinstance(batch, list) else (batch,)
    return as_arrays(batch)


def as_tensors(structure: Nested) -> Nested:
    """Returns texts as tensors, the only form in which Keras takes them."""
    return map_arrays(
        lambda x: _text_tensor(x) if holds_text(x) else x, structure
    )


def holds_text(array: Tensor) -> bool:
    """Whether an array holds texts: `str` or `bytes`."""
    kind = getattr(getattr(array, "dtype", None), "kind", "")
    if kind == "O":
        return bool(array.size) and isinstance(array.flat[0], (str, bytes))
    return kind in ("U", "S")


def _text_tensor(array: np.ndarray) -> Tensor:
    if keras.backend.backend() != "tensorflow":
        return array
    return sys.modules["tensorflow"].constant(array)


def take_rows(structure: Nested, rows: np.ndarray | slice | int) -> Nested:
    """Returns some rows of each array: by numbers, one number or a slice."""
    return map_arrays(lambda array: array[rows], structure)


def concatenated(structures: Sequence) -> Nested:
    """Returns several batches as one.

    Raises:
        ValueError: batches whose samples are not of one shape.
    """
    try:
        return map_arrays(lambda *arrays: np.concatenate(arrays), *structures)
    except ValueError as error:
        found = [[x.shape for x in _leaves(batch)] for batch in structures]
        differing = (each for each in found if _samples_differ(each, found))
        other = next(differing, found[-1])
        raise ValueError(
            "The samples are not of one shape. Received: batches of arrays of "
            f"shapes {found[0]} and {other}. Pad all of them to one length "
            "(tf.data: padded_batch with padded_shapes=), or resize images "
            "to one size."
        ) from error


def _leaves(structure: Nested) -> list:
    leaves = keras.tree.flatten(structure)
    return [leaf for leaf in leaves if leaf is not None]


def _samples_differ(shapes: list, others: list) -> bool:
    return [s[1:] for s in shapes] != [s[1:] for s in others[0]]


def rows_not_finite(array: np.ndarray) -> np.ndarray:
    """Returns the numbers of the rows that hold NaN or infinity."""
    if not array.size:
        return np.arange(0)
    finite = np.isfinite(array).reshape(len(array), -1).all(axis=1)
    return np.flatnonzero(~finite)


def num_rows(structure: Nested) -> int:
    """Returns the number of samples."""
    return len(_leaves(structure)[0])


def cut_off(arrays: Nested, fraction: float) -> tuple[Nested, Nested]:
    """Splits the last `fraction` of the samples off, as Keras does.

    Args:
        arrays: structure of arrays of equal length; `None` stays `None`.
        fraction: share of the samples, between 0 and 1.

    Returns:
        `(first, last)`, two structures like `arrays`.

    Raises:
        ValueError: one of the parts would be empty.
    """
    size = num_rows(arrays)
    split_at = int(size * (1.0 - fraction))
    if not 0 < split_at < size:
        raise ValueError(
            "`validation_split` leaves one part without samples. Received: "
            f"validation_split={fraction} for {size} samples. Expected a "
            "share between 0 and 1 that gives both parts at least one."
        )
    first = take_rows(arrays, slice(None, split_at))
    return first, take_rows(arrays, slice(split_at, None))


def integer_labels(labels: ArrayLike) -> np.ndarray:
    """Returns labels of one class a sample, integers or one-hot, as integers.

    Returns:
        An array `(samples,)`.
    """
    labels = np.asarray(labels)
    if labels.ndim > 1 and labels.shape[-1] > 1:
        labels = labels.argmax(axis=-1)
    return labels.reshape(-1)
