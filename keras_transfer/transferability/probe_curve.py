"""Errors of a linear probe at several numbers of samples, out of fold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from keras_transfer.transferability.checking import checked_both
from keras_transfer.transferability.folds import Folds, folds_for
from keras_transfer.transferability.learning_curve import fit_learning_curve
from keras_transfer.transferability.linear_probe import (
    STRENGTHS,
    fit_linear_probe,
    neighbouring_strengths,
)

if TYPE_CHECKING:
    from keras_transfer.transferability.learning_curve import LearningCurve

# Shares of the samples outside of a fold on which a probe is fitted.
_SHARES = (0.125, 0.25, 0.5, 1.0)
_LEAST_A_CLASS = 2
# Divisions into folds: the noise of small subsets falls with each of them. With
# many samples one is enough.
_DRAWS, _MANY = 3, 2000


def probe_learning_curve(
    features: ArrayLike,
    labels: ArrayLike,
    *,
    folds: int = 5,
    num_draws: int | None = None,
    seed: int = 0,
) -> LearningCurve | None:
    """Returns the learning curve of a linear probe on fixed features.

    Each fold is left out in turn. Outside of it, nested subsets with the
    shares of the classes are fitted: an eighth, a quarter, a half, all. So
    every sample tests every size, with probes that have not seen it. Below
    2,000 samples this is done with three divisions into folds.

    Args:
        features: `(samples, dimensions)`.
        labels: classes `(samples,)`.
        folds: parts that are left out in turn.
        num_draws: divisions into folds; `None` is 3 below 2,000 samples,
            else 1.
        seed: seed of the parts and subsets.

    Returns:
        A `LearningCurve`, or `None` where there are too few samples for
        three sizes: fewer than about 10 a class.

    Raises:
        ValueError: shapes that do not fit, NaN, one class.
    """
    features, labels = checked_both(features, labels)
    shares = _shares(labels)
    if len(shares) < 3 or np.bincount(labels).min() < 2:
        return None
    data = features.astype("float32"), labels
    num_draws = num_draws or (_DRAWS if len(labels) < _MANY else 1)
    draws = [
        _draw(data, shares, folds, seed + 1000 * k) for k in range(num_draws)
    ]
    return fit_learning_curve(
        draws[0][0],
        np.concatenate([errors for _, errors in draws]),
        num_samples=len(labels),
        num_tested=len(labels),
        seed=seed,
    )


def _shares(labels: np.ndarray) -> list[float]:
    """The shares that leave some samples of a class on the average."""
    least = _LEAST_A_CLASS * len(np.unique(labels))
    return [share for share in _SHARES if 0.8 * share * len(labels) >= least]


def _draw(
    data: tuple[np.ndarray, np.ndarray],
    shares: list[float],
    folds: int,
    seed: int,
) -> tuple[list[float], np.ndarray]:
    """Sizes, and the errors in each fold `(folds, sizes)`."""
    labels = data[1]
    parts = folds_for(labels, "softmax", seed, most=folds)
    random = np.random.default_rng(seed)
    nested = [_class_by_class(rows, labels, random) for rows, _ in parts]
    sizes, errors, strengths = [], [], STRENGTHS
    for share in shares:
        pairs = [
            (rows[: round(share * len(rows))], rest)
            for rows, (_, rest) in zip(nested, parts, strict=True)
        ]
        found, strength = _errors(data, pairs, strengths)
        # The penalty that suits a size suits the next one nearly.
        strengths = neighbouring_strengths(strength)
        sizes.append(float(np.mean([len(rows) for rows, _ in pairs])))
        errors.append(found)
    return sizes, np.transpose(errors)


def _errors(
    data: tuple[np.ndarray, np.ndarray],
    pairs: Folds,
    strengths: Sequence[float],
) -> tuple[list[float], float]:
    """The errors in each fold, by the penalty that suits all of them."""
    x, y = data
    tables = []
    for rows, rest in pairs:
        probe = fit_linear_probe(
            "softmax",
            (x[rows], y[rows]),
            (x[rest], y[rest]),
            y.max() + 1,
            strengths=strengths,
        )
        tables.append({row["strength"]: row for row in probe.rows})
    # The search ends early, so a fold may lack the largest strengths.
    shared = sorted(set.intersection(*map(set, tables)))
    best = min(
        shared, key=lambda s: np.mean([rows[s]["val_loss"] for rows in tables])
    )
    return [1 - rows[best]["val_accuracy"] for rows in tables], best


def _class_by_class(
    rows: np.ndarray, labels: np.ndarray, random: np.random.Generator
) -> np.ndarray:
    """Rows in an order each beginning of which has the shares of classes."""
    rows = random.permutation(rows)
    places = np.empty(len(rows))
    for label in np.unique(labels[rows]):
        own = np.flatnonzero(labels[rows] == label)
        places[own] = (np.arange(len(own)) + random.uniform()) / len(own)
    return rows[np.argsort(places, kind="stable")]
