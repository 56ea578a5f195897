"""What can be reached without training the network, each with its interval."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from keras_transfer.recipes.assessment.subsets import some_rows
from keras_transfer.transferability import knn_accuracy
from keras_transfer.transferability.paired_difference import interval_of_share

if TYPE_CHECKING:
    from keras_transfer.recipes.assessment.out_of_fold import OutOfFold

# Samples whose neighbours are looked for, at most.
_MOST_NEIGHBOURS = 5000


@dataclasses.dataclass(frozen=True)
class Baseline:
    """An accuracy with its 95 % interval (Wilson).

    Attributes:
        name: how it was reached.
        accuracy: share of samples that are named rightly.
        low: lower end.
        high: upper end.
    """

    name: str
    accuracy: float
    low: float
    high: float


def baselines(
    features: np.ndarray, labels: np.ndarray, probe: OutOfFold, *, seed: int = 0
) -> list[Baseline]:
    """Returns the accuracies of three classifiers that need no training.

    Args:
        features: `(samples, dimensions)`.
        labels: classes from 0, `(samples,)`.
        probe: the `OutOfFold` of these.
        seed: seed of the samples that neighbours are looked for.

    Returns:
        A list of `Baseline`: the most frequent class, the five nearest
        neighbours, the linear probe.
    """
    rows = some_rows(labels, _MOST_NEIGHBOURS, seed)
    near = knn_accuracy(features[rows], labels[rows])
    majority = np.bincount(labels).max() / len(labels)
    return [
        _with_interval("most frequent class", majority, len(labels)),
        _with_interval("5 nearest neighbours", near, len(rows)),
        _with_interval("linear probe", probe.accuracy, len(labels)),
    ]


def _with_interval(name: str, accuracy: float, num_samples: int) -> Baseline:
    low, high = interval_of_share(accuracy, num_samples)
    return Baseline(name, float(accuracy), low, high)
