"""How alike two sets of samples are, by the features of one net."""

import dataclasses

import numpy as np

from keras_transfer.recipes.assessment.subsets import some_samples
from keras_transfer.transferability import frechet_distance, mmd

# Samples of each set; the test looks at all pairs.
_MOST = 1000
# Directions in which both sets vary most: in all of them the covariance of
# fewer samples than directions is mostly noise.
_DIRECTIONS = 64
# Fréchet distance in shares of the target's own variance.
_NEAR, _APART = 0.1, 0.5


@dataclasses.dataclass(frozen=True)
class Similarity:
    """The difference of two sets of samples.

    Attributes:
        mmd: squared maximum mean discrepancy.
        p_value: how often sets of one kind differ as much.
        frechet: Fréchet distance in shares of the target's variance, minus
            that of two halves of the target.
        num_target: samples of the target that were compared.
        num_source: samples of the source.
    """

    mmd: float
    p_value: float
    frechet: float
    num_target: int
    num_source: int

    @property
    def reading(self) -> str:
        """The difference in words."""
        if self.p_value > 0.05:
            return "cannot be told apart"
        if self.frechet < _NEAR:
            return "differ a little"
        return "differ" if self.frechet < _APART else "differ strongly"


def similarity(
    target: np.ndarray, source: np.ndarray, *, seed: int = 0
) -> Similarity:
    """Returns the `Similarity` of two sets of features.

    Args:
        target: `(samples, dimensions)`.
        source: `(other samples, dimensions)`.
        seed: seed of the samples that are compared, and of the permutations.

    Raises:
        ValueError: fewer than 4 samples in a set.
    """
    if min(len(target), len(source)) < 4:
        raise ValueError(
            "Target and source are compared by 4 samples of each at least. "
            f"Received: {len(target)} and {len(source)}."
        )
    a = target[some_samples(len(target), _MOST, seed)].astype("float64")
    b = source[some_samples(len(source), _MOST, seed)].astype("float64")
    test = mmd(a, b, seed=seed)
    a, b = _main_directions(a, b)
    halves = np.random.default_rng(seed).permutation(len(a)) % 2 == 0
    variance = a.var(axis=0).sum() or 1.0
    distance = frechet_distance(a, b) - frechet_distance(a[halves], a[~halves])
    return Similarity(
        test.value, test.p_value, max(0.0, distance / variance), len(a), len(b)
    )


def _main_directions(
    a: np.ndarray, b: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    both = np.concatenate([a, b])
    centred = both - both.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    flat = centred @ axes[:_DIRECTIONS].T
    return flat[: len(a)], flat[len(a) :]
