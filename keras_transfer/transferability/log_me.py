"""LogME: the evidence of a Bayesian linear model on features."""

import numpy as np
from numpy.typing import ArrayLike

from keras_transfer.transferability.checking import (
    checked_features,
    checked_labels,
)

_ITERATIONS, _TOLERANCE = 100, 1e-5
# Below this share of the largest, a direction counts as absent.
_ABSENT = 1e-12


def log_me(
    features: ArrayLike, labels: ArrayLike, *, regression: bool = False
) -> float:
    """Returns the maximum log evidence a sample; higher is better.

    For each output y (one-hot column of a class, or a target)

        log p(y | F) = max over alpha, beta of
            D/2 log alpha + N/2 log beta - N/2 log 2 pi
            - 1/2 log det(alpha I + beta F'F)
            - beta/2 |F m - y|^2 - alpha/2 |m|^2

    with the posterior mean m, alpha and beta by MacKay's fixed point; the
    mean over outputs, divided by N. All outputs share one decomposition of
    F'F or FF', whichever is smaller.

    Args:
        features: `(samples, dimensions)`.
        labels: classes `(samples,)`, or with `regression` targets
            `(samples,)` or `(samples, outputs)`.
        regression: whether labels are numbers.

    Raises:
        ValueError: shapes that do not fit, NaN, one class.

    Reference:
        You et al. 2021, LogME: Practical Assessment of Pre-trained Models for
        Transfer Learning. The paper's fixed point runs to a tolerance; here
        1e-5 in alpha / beta, or 100 rounds.
    """
    features = checked_features(features)
    if regression:
        targets = checked_features(
            np.reshape(labels, (len(features), -1)), "labels"
        )
    else:
        numbers = checked_labels(labels, len(features))
        targets = np.eye(numbers.max() + 1)[numbers]
    squares, projected, outside = _decomposed(features, targets)
    evidence = [
        _evidence(squares, z, rest, *features.shape)
        for z, rest in zip(projected.T, outside, strict=True)
    ]
    return float(np.mean(evidence))


def _decomposed(
    features: np.ndarray, targets: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Squared singular values, targets along them, what lies outside."""
    num_samples, dimensions = features.shape
    if num_samples >= dimensions:
        squares, directions = np.linalg.eigh(features.T @ features)
        along = directions.T @ (features.T @ targets)
    else:
        squares, directions = np.linalg.eigh(features @ features.T)
        along = directions.T @ targets
    largest = max(squares.max(), 0.0)
    there = squares > _ABSENT * largest
    squares, along = squares[there], along[there]
    if num_samples >= dimensions:
        along = along / np.sqrt(squares)[:, None]
    outside = (targets**2).sum(axis=0) - (along**2).sum(axis=0)
    return squares, along, np.maximum(outside, 0.0)


def _evidence(
    squares: np.ndarray,
    along: np.ndarray,
    outside: float,
    num_samples: int,
    dimensions: int,
) -> float:
    if not len(squares):
        squares, along = np.zeros(1), np.zeros(1)
    tiny = np.finfo("float64").tiny
    ratio = 1.0
    for _ in range(_ITERATIONS):
        gamma = (squares / (squares + ratio)).sum()
        mean = (squares * along**2 / (squares + ratio) ** 2).sum()
        error = ((ratio * along / (squares + ratio)) ** 2).sum() + outside
        alpha = gamma / max(mean, tiny)
        beta = (num_samples - gamma) / max(error, tiny)
        before, ratio = ratio, alpha / max(beta, tiny)
        if abs(ratio - before) <= _TOLERANCE * before or not ratio:
            break
    alpha, beta = max(alpha, tiny), max(beta, tiny)
    absent = dimensions - len(squares)
    return (
        dimensions * np.log(alpha)
        + num_samples * np.log(beta)
        - num_samples * np.log(2 * np.pi)
        - np.log(alpha + beta * squares).sum()
        - absent * np.log(alpha)
        - beta * error
        - alpha * mean
    ) / (2 * num_samples)
