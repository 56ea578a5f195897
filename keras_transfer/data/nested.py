"""Nested arrays with one sample a row; a `None` among them stays `None`."""

import keras
import numpy as np


def map_arrays(function, *structures):
    """Returns the results of a function of each array, nested likewise."""
    return keras.tree.map_structure(
        lambda *leaves: None if leaves[0] is None else function(*leaves),
        *structures,
    )


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
