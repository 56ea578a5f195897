"""What a linear probe says of samples that it has not seen."""

import dataclasses

import numpy as np

from keras_transfer.recipes.assessment.subsets import some_rows
from keras_transfer.transferability.folds import folds_for
from keras_transfer.transferability.linear_probe import (
    fit_linear_probe,
    out_of_fold_logits,
)
from keras_transfer.transferability.temperature import best_temperature

# Samples by which the strength of the penalty is chosen, at most.
MOST_TO_CHOOSE = 5000
_FOLDS_TO_CHOOSE = 3


@dataclasses.dataclass(frozen=True)
class OutOfFold:
    """Outputs of a probe for each sample, from folds without it.

    Attributes:
        probabilities: `(samples, classes)`, calibrated.
        is_right: whether the most probable class is the label, `(samples,)`.
        strength: of the penalty of the probe.
    """

    probabilities: np.ndarray
    is_right: np.ndarray
    strength: float

    @property
    def accuracy(self) -> float:
        return float(self.is_right.mean())


def out_of_fold(
    features: np.ndarray,
    labels: np.ndarray,
    *,
    others: np.ndarray | None = None,
    folds: int = 5,
    choose_on: int = MOST_TO_CHOOSE,
    seed: int = 0,
) -> OutOfFold:
    """Fits a probe in folds, and asks each about the samples left out.

    Args:
        features: `(samples, dimensions)`.
        labels: classes from 0, `(samples,)`.
        others: other features of the same samples, which the probe is asked
            about instead.
        folds: how many folds.
        choose_on: samples by which the penalty is chosen, at most.
        seed: seed of the folds.

    Returns:
        An `OutOfFold`.
    """
    from scipy.special import softmax

    num_classes = int(labels.max()) + 1
    rows = some_rows(labels, choose_on, seed)
    parts = folds_for(labels[rows], "softmax", seed, most=_FOLDS_TO_CHOOSE)
    probe = fit_linear_probe(
        "softmax", (features[rows], labels[rows]), None, num_classes,
        folds=parts,
    )  # fmt: skip
    strength = probe.best["strength"]
    parts = folds_for(labels, "softmax", seed, most=folds)
    logits = out_of_fold_logits(
        "softmax", (features, labels), num_classes, strength, parts,
        others=others,
    )  # fmt: skip
    logits = logits / best_temperature("softmax", logits, labels)
    p = softmax(logits, axis=1)
    return OutOfFold(p, logits.argmax(axis=1) == labels, strength)
