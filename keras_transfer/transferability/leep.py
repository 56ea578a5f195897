"""LEEP and NCE: what a source's own classes tell about the target's."""

import numpy as np
from numpy.typing import ArrayLike

from keras_transfer.transferability.checking import (
    checked_labels,
    checked_probabilities,
)


def leep(probabilities: ArrayLike, labels: ArrayLike) -> float:
    """Returns the log expected empirical prediction, at most 0.

        P(y, z) = mean over i of [y_i = y] p_i(z)
        LEEP = mean over i of log sum over z of P(y_i | z) p_i(z)

    Args:
        probabilities: the source's softmax on target samples,
            `(samples, source classes)`.
        labels: target classes `(samples,)`.

    Raises:
        ValueError: rows that are no probabilities, one class.

    Reference:
        Nguyen et al. 2020, LEEP: A New Measure to Evaluate Transferability of
        Learned Representations.
    """
    probabilities = checked_probabilities(probabilities)
    labels = checked_labels(labels, len(probabilities))
    joint = np.eye(labels.max() + 1)[labels].T @ probabilities
    total = joint.sum(axis=0)
    given = np.divide(joint, total, where=total > 0, out=np.zeros_like(joint))
    expected = (given[labels] * probabilities).sum(axis=1)
    return float(np.log(np.maximum(expected, 1e-300)).mean())


def nce(*, source_labels: ArrayLike, labels: ArrayLike) -> float:
    """Returns the negative conditional entropy -H(Y | Z), at most 0.

        NCE = sum over y, z of P(y, z) log P(y | z)

    Args:
        source_labels: the source's class for each sample, `(samples,)`.
        labels: target classes `(samples,)`.

    Raises:
        ValueError: lengths that differ, one target class.

    Reference:
        Tran et al. 2019, Transferability and Hardness of Supervised
        Classification Tasks.
    """
    source_labels = np.asarray(source_labels)
    labels = checked_labels(labels, len(source_labels))
    _, source = np.unique(source_labels, return_inverse=True)
    joint = np.zeros((labels.max() + 1, source.max() + 1))
    np.add.at(joint, (labels, source), 1 / len(labels))
    there = joint > 0
    given = joint / joint.sum(axis=0)
    return float((joint[there] * np.log(given[there])).sum())
