"""Distances between two sets of features: how alike source and target are."""

import numpy as np
from numpy.typing import ArrayLike

from keras_transfer.transferability.checking import checked_pair


def frechet_distance(a: ArrayLike, b: ArrayLike) -> float:
    """Returns the Fréchet distance of two normal distributions, 0 if equal.

        |m_a - m_b|^2 + tr(S_a + S_b - 2 (S_a^1/2 S_b S_a^1/2)^1/2)

    Args:
        a: `(samples, dimensions)`.
        b: `(other samples, dimensions)`.

    Raises:
        ValueError: other dimensions, NaN.

    Reference:
        Dowson and Landau 1982; Heusel et al. 2017 (FID).
    """
    a, b = checked_pair(a, b)
    scale = max(np.abs(a).max(), np.abs(b).max()) or 1.0
    a, b = a / scale, b / scale
    difference = a.mean(axis=0) - b.mean(axis=0)
    first, second = _covariance(a), _covariance(b)
    values, vectors = np.linalg.eigh(first)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    inner = np.linalg.eigvalsh(root @ second @ root)
    trace = np.trace(first) + np.trace(second)
    trace -= 2 * np.sqrt(np.maximum(inner, 0)).sum()
    return float(max(difference @ difference + trace, 0.0) * scale**2)


def coral_distance(a: ArrayLike, b: ArrayLike) -> float:
    """Returns the distance of covariances, |S_a - S_b|^2 / (4 d^2).

    Args:
        a: `(samples, dimensions)`.
        b: `(other samples, dimensions)`.

    Raises:
        ValueError: other dimensions, NaN.

    Reference:
        Sun and Saenko 2016, Deep CORAL.
    """
    a, b = checked_pair(a, b)
    difference = _covariance(a) - _covariance(b)
    return float((difference**2).sum() / (4 * a.shape[1] ** 2))


def energy_distance(a: ArrayLike, b: ArrayLike) -> float:
    """Returns 2 E|x - y| - E|x - x'| - E|y - y'|, 0 for equal distributions.

    The means are over all pairs, each sample with itself too, so that the
    value is never negative.

    Args:
        a: `(samples, dimensions)`.
        b: `(other samples, dimensions)`.

    Raises:
        ValueError: other dimensions, NaN.

    Reference:
        Székely and Rizzo 2013, Energy statistics.
    """
    from scipy.spatial.distance import cdist

    a, b = checked_pair(a, b)
    across = cdist(a, b).mean()
    return float(2 * across - cdist(a, a).mean() - cdist(b, b).mean())


def proxy_a_distance(
    a: ArrayLike, b: ArrayLike, *, folds: int = 5, seed: int = 0
) -> float:
    """Returns 2 (1 - 2 error) of a classifier between two sets, from 0 to 2.

    0 where it cannot tell them apart, 2 where it never errs. Both kinds of
    samples count as much, however many there are.

    Args:
        a: `(samples, dimensions)`.
        b: `(other samples, dimensions)`.
        folds: parts on which the classifier errs that has not seen them.
        seed: seed of the parts.

    Raises:
        ValueError: other dimensions, NaN, fewer than 2 samples in a set.

    Reference:
        Ben-David et al. 2007, Analysis of Representations for Domain
        Adaptation.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    a, b = checked_pair(a, b)
    if min(len(a), len(b)) < 2:
        raise ValueError(
            "A classifier between two sets needs 2 samples of each. Received: "
            f"{len(a)} and {len(b)}."
        )
    scale = max(np.abs(a).max(), np.abs(b).max()) or 1.0
    both = np.concatenate([a, b]) / scale
    origin = np.repeat([0, 1], [len(a), len(b)])
    classifier = make_pipeline(
        StandardScaler(),
        LogisticRegression(C=0.01, class_weight="balanced", max_iter=1000),
    )
    parts = StratifiedKFold(
        min(folds, len(a), len(b)), shuffle=True, random_state=seed
    )
    wrong = cross_val_predict(classifier, both, origin, cv=parts) != origin
    error = (wrong[: len(a)].mean() + wrong[len(a) :].mean()) / 2
    return float(2 * (1 - 2 * min(error, 0.5)))


def _covariance(x: np.ndarray) -> np.ndarray:
    centred = x - x.mean(axis=0)
    return centred.T @ centred / max(1, len(x) - 1)
