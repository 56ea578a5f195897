"""Two scores of the same samples: their intervals and their difference."""

import dataclasses

import numpy as np
from numpy.typing import ArrayLike

# Standard errors within which a difference may be chance, 19 times of 20.
_ERRORS = 1.96


@dataclasses.dataclass(frozen=True)
class PairedDifference:
    """How much better one of two is on the same samples.

    Attributes:
        mean: mean of the differences.
        error: its standard error.
        step: what one sample can change of the mean; 0 for numbers.
    """

    mean: float
    error: float
    step: float = 0.0

    @property
    def is_noise(self) -> bool:
        """Whether chance alone makes such a difference 1 time in 20."""
        return abs(self.mean) - self.step <= _ERRORS * self.error


def paired_difference(
    a: ArrayLike, b: ArrayLike, *, are_shares: bool = True
) -> PairedDifference:
    """Returns the mean of a - b, sample by sample, and its error.

    What both get right or wrong does not count as noise, so this tells two
    models apart long before their intervals part. For answers that are right
    or wrong it is McNemar's test with Edwards' correction.

    Args:
        a: scores of the samples by one model, `(samples,)`.
        b: those of the same samples by another.
        are_shares: whether a score is a share of right answers.

    Raises:
        ValueError: other numbers of samples.

    Example:

    ```python
    paired_difference([1, 1, 0, 1], [1, 0, 0, 1]).is_noise  # True
    ```

    Reference:
        Edwards 1948, Note on the "correction for continuity" in testing the
        significance of the difference between correlated proportions.
    """
    a, b = np.asarray(a, "float64"), np.asarray(b, "float64")
    if a.shape != b.shape or a.ndim != 1 or len(a) < 2:
        raise ValueError(
            "A paired difference needs two scores of each sample, and 2 "
            f"samples. Received: shapes {a.shape} and {b.shape}."
        )
    differences = a - b
    error = float(differences.std(ddof=1) / np.sqrt(len(a)))
    step = 1 / len(a) if are_shares else 0.0
    return PairedDifference(float(differences.mean()), error, step)


def interval_of(
    scores: ArrayLike, *, are_shares: bool = True
) -> tuple[float, float]:
    """Returns the 95 % interval of a mean, as (low, high).

    Args:
        scores: one of each sample, `(samples,)`.
        are_shares: whether a score is a share of right answers, as for
            `interval_of_share`, or a number (1.96 standard errors).
    """
    scores = np.asarray(scores, "float64")
    if are_shares:
        return interval_of_share(scores.mean(), len(scores))
    error = _ERRORS * scores.std(ddof=1) / np.sqrt(len(scores))
    return float(scores.mean() - error), float(scores.mean() + error)


def interval_of_share(share: float, num_samples: int) -> tuple[float, float]:
    """Returns Wilson's 95 % interval, which stays within 0 and 1.

    Args:
        share: of right answers, from 0 to 1.
        num_samples: among how many.

    Returns:
        (low, high); never the same, even at 0 and 1.

    Reference:
        Wilson 1927, Probable inference, the law of succession, and
        statistical inference.
    """
    from scipy.stats import binomtest

    found = binomtest(round(share * num_samples), num_samples)
    ends = found.proportion_ci(method="wilson")
    return float(ends.low), float(ends.high)
