"""Expected accuracy on data without labels, from confidences."""

import numpy as np
from numpy.typing import ArrayLike

from keras_transfer.transferability.checking import (
    checked_labels,
    checked_probabilities,
)


def thresholded_confidence(
    *, validation: ArrayLike, labels: ArrayLike, target: ArrayLike
) -> float:
    """Returns the accuracy to expect on data without labels.

    The threshold is the confidence (negative entropy) above which there are
    as many validation samples as are named rightly; what is expected is the
    share of the target's samples above it. It holds while the target is like
    the validation data but for how hard it is.

    Args:
        validation: probabilities `(samples, classes)` on labelled data.
        labels: their classes, numbered as the columns.
        target: probabilities `(other samples, classes)`.

    Raises:
        ValueError: rows that are no probabilities, lengths that differ.

    Reference:
        Garg et al. 2022, Leveraging Unlabeled Data to Predict
        Out-of-Distribution Performance (ATC).
    """
    return _share(*_checked(validation, labels, target))


def thresholded_confidence_interval(
    *,
    validation: ArrayLike,
    labels: ArrayLike,
    target: ArrayLike,
    draws: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> tuple[float, float]:
    """Returns `(low, high)` of `thresholded_confidence`, by bootstrap.

    Validation and target samples are drawn anew, with replacement, and the
    threshold is found anew each time. This is the noise of few samples; how
    wrong the estimate is on data that have shifted is not in it.

    Args:
        validation: as in `thresholded_confidence`.
        labels: as there.
        target: as there.
        draws: how often they are drawn.
        level: share of the draws that lies inside.
        seed: seed of the draws.

    Raises:
        ValueError: as there.

    Reference:
        Efron 1979, Bootstrap Methods: Another Look at the Jackknife.
    """
    known, right, new = _checked(validation, labels, target)
    random, found = np.random.default_rng(seed), []
    for _ in range(draws):
        rows = random.integers(len(known), size=len(known))
        again = random.integers(len(new), size=len(new))
        found.append(_share(known[rows], right[rows], new[again]))
    tail = (1 - level) / 2
    low, high = np.quantile(found, [tail, 1 - tail])
    return float(low), float(high)


def _checked(
    validation: ArrayLike, labels: ArrayLike, target: ArrayLike
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Certainties of both, and which validation samples are named rightly."""
    validation = checked_probabilities(validation, "validation")
    target = checked_probabilities(target, "target")
    checked_labels(labels, len(validation))
    right = validation.argmax(axis=1) == np.asarray(labels)
    return _certainty(validation), right, _certainty(target)


def _share(known: np.ndarray, right: np.ndarray, new: np.ndarray) -> float:
    wrong = int((~right).sum())
    threshold = np.sort(known)[wrong] if wrong < len(known) else np.inf
    return float(np.mean(new >= threshold))


def _certainty(probabilities: np.ndarray) -> np.ndarray:
    return (probabilities * np.log(np.maximum(probabilities, 1e-300))).sum(
        axis=1
    )
