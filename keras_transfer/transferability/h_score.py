"""H-score: how far class means lie apart, in units of the spread."""

import numpy as np
from numpy.typing import ArrayLike

from keras_transfer.transferability.checking import checked_both


def h_score(
    features: ArrayLike, labels: ArrayLike, *, shrinkage: bool = False
) -> float:
    """Returns tr(cov(f)^-1 cov(E[f | y])); higher is better.

    Args:
        features: `(samples, dimensions)`.
        labels: classes `(samples,)`.
        shrinkage: whether the covariance is estimated by Ledoit and Wolf,
            (1 - a) cov + a tr(cov) / d I, and the score multiplied by (1 - a):
            right where samples are not many more than dimensions.

    Raises:
        ValueError: shapes that do not fit, NaN, one class.

    Reference:
        Bao et al. 2019, An Information-Theoretic Approach to Transferability
        in Task Transfer Learning; Ibrahim et al. 2022, Newer is not always
        better (shrinkage).
    """
    features, labels = checked_both(features, labels)
    centred = features - features.mean(axis=0)
    scale = np.abs(centred).max()
    if not scale:
        return 0.0
    # The score does not depend on it, but the inverse does.
    centred = centred / scale
    means = np.stack(
        [centred[labels == y].mean(axis=0) for y in range(labels.max() + 1)]
    )[labels]
    between = means.T @ means / len(centred)
    if not shrinkage:
        covariance = centred.T @ centred / len(centred)
        inverse = np.linalg.pinv(covariance, hermitian=True)
        return float((inverse * between).sum())
    from sklearn.covariance import ledoit_wolf

    covariance, amount = ledoit_wolf(centred, assume_centered=True)
    inverse = np.linalg.pinv(covariance, hermitian=True)
    return float((1 - amount) * (inverse * between).sum())
