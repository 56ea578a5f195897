"""Nested arrays with one sample a row; a `None` among them stays `None`."""

import functools

import keras
import numpy as np

# Returns the results of a function of each array, nested likewise.
map_arrays = functools.partial(keras.tree.map_structure, none_is_leaf=False)


def as_arrays(structure):
    """Returns tensors of any backend as NumPy arrays."""
    return map_arrays(np.asarray, structure)


def take_rows(structure, rows):
    """Returns some rows of each array: by numbers, one number or a slice."""
    return map_arrays(lambda array: array[rows], structure)


def concatenated(structures):
    """Returns several batches as one."""
    return map_arrays(lambda *arrays: np.concatenate(arrays), *structures)


def num_rows(structure) -> int:
    """Returns the number of samples."""
    leaves = keras.tree.flatten(structure)
    return len(next(leaf for leaf in leaves if leaf is not None))
