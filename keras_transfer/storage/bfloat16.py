"""bfloat16 in files of NumPy, which do not know it: its bits as uint16."""

# Importing it teaches NumPy the name "bfloat16".
import ml_dtypes  # noqa: F401
import numpy as np
from numpy.typing import DTypeLike


def stored_dtype(dtype: DTypeLike) -> np.dtype:
    """Returns the type in which numbers of a type lie in a file."""
    return np.dtype("uint16" if dtype == "bfloat16" else dtype)


def to_stored(array: np.ndarray) -> np.ndarray:
    """Returns an array in its `stored_dtype`, bit for bit."""
    return array.view(stored_dtype(array.dtype))


def from_stored(array: np.ndarray, dtype: DTypeLike) -> np.ndarray:
    """Returns what `to_stored` was given, an array of type `dtype`."""
    return array.view(dtype) if dtype == "bfloat16" else array
