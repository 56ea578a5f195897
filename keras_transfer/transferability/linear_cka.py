"""Linear CKA: how alike two sets of features of the same samples are."""

import numpy as np
from numpy.typing import ArrayLike

from keras_transfer.transferability.checking import checked_features


def linear_cka(a: ArrayLike, b: ArrayLike, *, debiased: bool = False) -> float:
    """Returns the similarity of two sets of features, 1 for equal ones.

        |B'A|^2 / (|A'A| |B'B|), columns centred, Frobenius norms

    Rotations and a common scale of features do not change it. With few
    samples and many dimensions the plain value is high for anything; the
    debiased one is 0 in the mean where there is nothing in common.

    Args:
        a: `(samples, dimensions)`.
        b: `(samples, other dimensions)`, the same samples.
        debiased: whether the unbiased estimator of HSIC is used, which needs
            4 samples.

    Raises:
        ValueError: other samples, too few of them, or NaN.

    Reference:
        Kornblith et al. 2019, Similarity of Neural Network Representations
        Revisited; Song et al. 2012 (the unbiased HSIC).
    """
    a, b = checked_features(a, "a"), checked_features(b, "b")
    if len(a) != len(b) or len(a) < (4 if debiased else 2):
        raise ValueError(
            "CKA compares features of the same samples, at least 2, debiased "
            f"4. Received: {len(a)} and {len(b)} samples."
        )
    a, b = _scaled(a), _scaled(b)
    product = _debiased if debiased else _biased
    norm = product(a, a) * product(b, b)
    return float(product(a, b) / np.sqrt(norm)) if norm > 0 else 0.0


def _scaled(x: np.ndarray) -> np.ndarray:
    # Its scale does not matter, and squares of 1e12 do.
    x = x - x.mean(axis=0)
    largest = np.abs(x).max()
    return x / largest if largest else x


def _biased(a: np.ndarray, b: np.ndarray) -> float:
    return _gram_product(a, b).sum()


def _gram_product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Numbers that add up to |B'A|^2, by whichever matrix is smaller."""
    if len(a) <= max(a.shape[1], b.shape[1]):
        return (a @ a.T) * (b @ b.T)
    return (a.T @ b) ** 2


def _debiased(a: np.ndarray, b: np.ndarray) -> float:
    n = len(a)
    k, m = a @ a.T, b @ b.T
    np.fill_diagonal(k, 0.0)
    np.fill_diagonal(m, 0.0)
    first = (k * m).sum()
    second = k.sum() * m.sum() / ((n - 1) * (n - 2))
    third = 2 * (k.sum(axis=0) @ m.sum(axis=0)) / (n - 2)
    return (first + second - third) / (n * (n - 3))
