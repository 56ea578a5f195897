"""Samples that are unlike all others."""

import numpy as np
from numpy.typing import ArrayLike

from keras_transfer.transferability.checking import checked_features
from keras_transfer.transferability.near_duplicates import unit_rows

# Of a normal distribution one in 30,000 lies so far above the median. The
# distances have a longer tail, hence more than the usual 3.
_DEVIATIONS = 4.0


def outliers(
    features: ArrayLike, *, neighbours: int = 5, deviations: float = _DEVIATIONS
) -> tuple[np.ndarray, np.ndarray]:
    """Returns samples that are far from their nearest neighbours.

    The distance of a sample is that to its k-th nearest neighbour, by cosine
    of centred features. It is far if it lies more than `deviations` standard
    deviations, estimated from the median absolute deviation, above the
    median.

    Args:
        features: `(samples, dimensions)`.
        neighbours: k; at most all other samples.
        deviations: how far above the median.

    Returns:
        Numbers of samples and their distances in deviations, both `(found,)`,
        the furthest first.

    Raises:
        ValueError: features of another shape, or NaN.

    Example:

    ```python
    numbers, distances = outliers(features)
    ```

    Reference:
        Ramaswamy et al. 2000, Efficient Algorithms for Mining Outliers from
        Large Data Sets; Leys et al. 2013 (median absolute deviation).
    """
    from sklearn.neighbors import NearestNeighbors

    x = unit_rows(checked_features(features))
    count = min(neighbours, len(x) - 1)
    if count < 1:
        return np.empty(0, int), np.empty(0)
    # Without samples given, each one is left out of its own neighbours.
    finder = NearestNeighbors(n_neighbors=count, algorithm="brute").fit(x)
    distances = finder.kneighbors()[0][:, -1].astype("float64")
    middle = np.median(distances)
    # 1.4826 makes it the standard deviation of a normal distribution.
    spread = 1.4826 * np.median(np.abs(distances - middle))
    far = (distances - middle) / max(spread, 1e-9)
    found = np.argsort(-far, kind="stable")[: (far > deviations).sum()]
    return found, far[found]
