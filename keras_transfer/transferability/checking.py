"""What the scores are given: features and labels as float64 and numbers."""

import numpy as np
from numpy.typing import ArrayLike


def checked_features(features: ArrayLike, name: str = "features") -> np.ndarray:
    """Returns features as float64 `(samples, dimensions)`.

    Raises:
        ValueError: another number of axes, no samples, or NaN.
    """
    found = np.asarray(features)
    if found.ndim != 2 or not len(found):
        raise ValueError(
            f"`{name}` is an array (samples, dimensions). Received: shape "
            f"{found.shape}. Pool feature maps over their positions first."
        )
    found = found.astype("float64")
    if not np.isfinite(found).all():
        raise ValueError(
            f"`{name}` holds NaN or infinity. Expected finite values."
        )
    return found


def checked_labels(labels: ArrayLike, num_samples: int) -> np.ndarray:
    """Returns labels as whole numbers from 0, whatever they were.

    Raises:
        ValueError: another number of labels than samples, or one class.
    """
    found = np.asarray(labels)
    if found.ndim != 1 or len(found) != num_samples:
        raise ValueError(
            f"`labels` holds one class for each of the {num_samples} samples. "
            f"Received: shape {found.shape}."
        )
    names, numbers = np.unique(found, return_inverse=True)
    if len(names) < 2:
        raise ValueError(
            "A score compares classes. Received: labels of one class, "
            f"{names[0]!r}. Expected at least two."
        )
    return numbers


def checked_both(
    features: ArrayLike, labels: ArrayLike
) -> tuple[np.ndarray, np.ndarray]:
    """Returns features and labels, checked."""
    features = checked_features(features)
    return features, checked_labels(labels, len(features))


def checked_pair(a: ArrayLike, b: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Returns two sets of samples with the same dimensions, checked."""
    a, b = checked_features(a, "a"), checked_features(b, "b")
    if a.shape[1] != b.shape[1]:
        raise ValueError(
            "Two sets of samples need features of the same dimensions. "
            f"Received: {a.shape[1]} and {b.shape[1]}. Use one model for both."
        )
    return a, b


def checked_probabilities(
    probabilities: ArrayLike, name: str = "probabilities"
) -> np.ndarray:
    """Returns rows of probabilities as float64.

    Raises:
        ValueError: rows that do not add up to 1, or negative values.
    """
    found = checked_features(probabilities, name)
    off = np.abs(found.sum(axis=1) - 1).max()
    if (found < 0).any() or off > 1e-3:
        raise ValueError(
            f"Each row of `{name}` holds probabilities, which add up to 1. "
            f"Received: rows that are off by up to {off:.3g}. Apply a softmax "
            "to scores first."
        )
    return found
