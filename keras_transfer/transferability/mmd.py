"""Maximum mean discrepancy of two sets, and how often chance gives as much."""

import dataclasses

import numpy as np
from numpy.typing import ArrayLike

from keras_transfer.transferability.checking import checked_pair

# Widths of the kernels, in medians of the distances.
_WIDTHS = (0.25, 0.5, 1.0, 2.0, 4.0)


@dataclasses.dataclass(frozen=True)
class TwoSampleTest:
    """The result of a test of two sets of samples.

    Attributes:
        value: the statistic.
        p_value: how often samples that are mixed up have at least as much.
    """

    value: float
    p_value: float

    def __repr__(self) -> str:
        return f"<TwoSampleTest: {self.value:.4g}, p = {self.p_value:.3g}>"


def mmd(
    a: ArrayLike, b: ArrayLike, *, num_permutations: int = 200, seed: int = 0
) -> TwoSampleTest:
    """Returns the squared MMD of two sets of samples, with its p-value.

        mean k(x, x') + mean k(y, y') - 2 mean k(x, y)

    without the pairs of a sample with itself (so it may fall below 0), for a
    sum of Gaussian kernels of several widths around the median distance. The
    p-value counts permutations of both sets.

    Args:
        a: `(samples, dimensions)`.
        b: `(other samples, dimensions)`.
        num_permutations: permutations; p is at least 1 / (that + 1).
        seed: seed of the permutations.

    Returns:
        A `TwoSampleTest`.

    Raises:
        ValueError: other dimensions, NaN, fewer than 2 samples in a set.

    Reference:
        Gretton et al. 2012, A Kernel Two-Sample Test.
    """
    a, b = checked_pair(a, b)
    if min(len(a), len(b)) < 2:
        raise ValueError(
            "MMD compares sets of at least 2 samples. Received: "
            f"{len(a)} and {len(b)}."
        )
    kernel, m = _kernel(np.concatenate([a, b])), len(a)
    value = _statistic(kernel, np.arange(len(kernel)) < m)
    random = np.random.default_rng(seed)
    # A permutation that ties with the samples counts as much as they do.
    at_least = 1 + sum(
        _statistic(kernel, random.permutation(len(kernel)) < m) >= value - 1e-12
        for _ in range(num_permutations)
    )
    return TwoSampleTest(float(value), float(at_least / (num_permutations + 1)))


def _kernel(x: np.ndarray) -> np.ndarray:
    from scipy.spatial.distance import pdist, squareform

    scale = np.abs(x - x.mean(axis=0)).max() or 1.0
    squares = pdist(x / scale, "sqeuclidean")
    positive = squares[squares > 0]
    median = np.median(positive) if len(positive) else 1.0
    kernels = [np.exp(-squares / (2 * w**2 * median)) for w in _WIDTHS]
    # The diagonal stays 0: pairs of a sample with itself do not count.
    return squareform(sum(kernels))


def _statistic(kernel: np.ndarray, is_a: np.ndarray) -> float:
    m, n = is_a.sum(), (~is_a).sum()
    rows = kernel @ np.stack([is_a, ~is_a], axis=1).astype("float64")
    within_a = rows[is_a, 0].sum() / (m * (m - 1))
    within_b = rows[~is_a, 1].sum() / (n * (n - 1))
    return within_a + within_b - 2 * rows[is_a, 1].sum() / (m * n)
