"""Least squares for a + b n^g: many rows of errors in one go."""

import numpy as np

_POWERS = np.linspace(-0.98, -0.02, 49)
# The power that is expected, and how far powers lie from it.
POWER, POWER_SPREAD = -0.5, 0.2


def variances_by_size(sizes: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """Returns var(n) = v0 + v1 / n of the mean over the draws, `(sizes,)`.

    Args:
        sizes: numbers of samples `(sizes,)`.
        errors: `(draws, sizes)`.
    """
    from scipy.optimize import nnls

    # What the least of errors could vary by: one of 1,000.
    least = 1e-6
    if len(errors) < 2:
        return np.full(len(sizes), 1e-4)
    found = errors.var(axis=0, ddof=1)
    terms = np.stack([np.ones(len(sizes)), sizes[0] / sizes], axis=1)
    return np.maximum(terms @ nnls(terms, found)[0] / len(errors), least)


def fit_power_law(
    sizes: np.ndarray,
    errors: np.ndarray,
    variances: np.ndarray,
    powers: np.ndarray,
) -> np.ndarray:
    """Returns the best a, b and g for each row of errors, `(rows, 3)`.

    For each g the problem in a and b is linear, with both at least 0.

    Args:
        sizes: numbers of samples `(sizes,)`.
        errors: `(rows, sizes)`.
        variances: of the errors, `(sizes,)`.
        powers: the g that each row is pulled to, `(rows,)`.
    """
    weights = 1 / variances
    found = [_factors(sizes**g, errors, weights) for g in _POWERS]
    a, b, losses = (np.stack(each) for each in zip(*found, strict=True))
    pull = (_POWERS[:, None] - powers) / POWER_SPREAD
    best = np.argmin(losses + pull**2, axis=0)
    rows = np.arange(errors.shape[0])
    return np.stack([a[best, rows], b[best, rows], _POWERS[best]], axis=1)


def _factors(
    x: np.ndarray, errors: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """a and b of weighted least squares, neither below 0, and the loss."""
    total = weights.sum()
    mean_x, means = weights @ x / total, errors @ weights / total
    spread = weights @ (x - mean_x) ** 2
    b = (errors - means[:, None]) @ (weights * (x - mean_x)) / spread
    a = means - b * mean_x
    through_zero = errors @ (weights * x) / (weights @ x**2)
    b, a = np.where(a < 0, through_zero, b), np.maximum(a, 0)
    a, b = np.where(b < 0, means, a), np.maximum(b, 0)
    residuals = errors - a[:, None] - b[:, None] * x
    return a, b, residuals**2 @ weights
