"""TransRate: bits that features need, with and without knowing the class."""

import numpy as np
from numpy.typing import ArrayLike

from keras_transfer.transferability.checking import checked_both


def transrate(
    features: ArrayLike, labels: ArrayLike, *, distortion: float = 1e-4
) -> float:
    """Returns R(Z) - R(Z | Y) in nats; higher is better.

        R(Z) = 1/2 log det(I + Z'Z / (n e)), Z centred
        R(Z | Y) = mean over classes, by their size, of R(Z of the class)

    Args:
        features: `(samples, dimensions)`.
        labels: classes `(samples,)`.
        distortion: e.

    Raises:
        ValueError: shapes that do not fit, NaN, one class.

    Reference:
        Huang et al. 2022, Frustratingly Easy Transferability Estimation. Each
        class is coded around the common mean, as there.
    """
    features, labels = checked_both(features, labels)
    centred = features - features.mean(axis=0)
    whole = _rate(centred, distortion)
    parts = [centred[labels == y] for y in range(labels.max() + 1)]
    given = sum(len(part) * _rate(part, distortion) for part in parts)
    return float(whole - given / len(features))


def _rate(z: np.ndarray, distortion: float) -> float:
    # The determinant is that of the smaller of both products.
    product = z.T @ z if z.shape[0] > z.shape[1] else z @ z.T
    matrix = np.eye(len(product)) + product / (len(z) * distortion)
    return 0.5 * np.linalg.slogdet(matrix)[1]
