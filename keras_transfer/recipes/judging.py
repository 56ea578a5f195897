"""Two models on samples that neither has seen: which one is worse."""

import dataclasses

import numpy as np

from keras_transfer.transferability.linear_probe import sample_losses, score
from keras_transfer.transferability.temperature import (
    best_temperature,
    drawn_towards,
)

# Samples from which on accuracy alone tells enough to refuse a model.
ENOUGH_FOR_ACCURACY = 200


@dataclasses.dataclass(frozen=True)
class Comparison:
    """A new model beside an old one.

    Attributes:
        old: `val_loss` and `val_accuracy` of the old one.
        new: those of the new one, at its `temperature`.
        temperature: what suits the new one on all samples, drawn towards
            what was known before.
        difference: mean difference of the log loss, new minus old, each at a
            temperature that other samples have given.
        error: its standard error.
        is_worse: whether the new one is to be refused.
    """

    old: dict
    new: dict
    temperature: float
    difference: float
    error: float
    is_worse: bool

    def __str__(self) -> str:
        return (
            f"log loss {self.difference:+.4f} +/- {self.error:.4f} beside the "
            "head's"
        )


def compare(
    kind: str,
    old: np.ndarray,
    new: np.ndarray,
    labels: np.ndarray,
    weights: np.ndarray | None = None,
    *,
    groups: np.ndarray,
    prior: float | None = None,
    by_class: bool = False,
) -> Comparison:
    """Compares two models by their logits, sample by sample.

    A new model is worse if its log loss is higher by more than one standard
    error of the paired difference; from 200 samples on also if its accuracy,
    or with class weights its balanced accuracy, is lower.

    Args:
        kind: as in `fit_linear_probe`.
        old: logits `(samples, outputs)` of the model to beat.
        new: logits of the other one.
        labels: as in `fit_linear_probe`.
        weights: `(samples,)`, or `None`.
        groups: integers `(samples,)`; the samples of a group are judged at
            the temperature that suits those of all other groups.
        prior: the temperature towards which that of few samples is drawn,
            `None` to take it as it is.
        by_class: whether the weights are those of classes.

    Returns:
        A `Comparison`.
    """
    weights = np.ones(len(labels)) if weights is None else weights
    losses = [
        weights * _cross_fitted(kind, logits, labels, weights, groups)
        for logits in (old, new)
    ]
    differences = losses[1] - losses[0]
    error = float("inf")
    if len(labels) > 1:
        error = float(differences.std(ddof=1) / np.sqrt(len(labels)))
    temperature = best_temperature(kind, new, labels, weights)
    if prior is not None:
        temperature = drawn_towards(prior, temperature, len(labels))
    scores = [
        score(kind, logits, labels, weights, "val_", by_class)
        for logits in (old, new / temperature)
    ]
    difference = float(differences.mean())
    is_worse = difference > error
    if len(labels) >= ENOUGH_FOR_ACCURACY:
        kind_of_accuracy = "balanced_accuracy" if by_class else "accuracy"
        name = next(name for name in scores[0] if kind_of_accuracy in name)
        is_worse |= scores[1][name] < scores[0][name]
    before, after = scores
    return Comparison(
        before, after, temperature, difference, error, bool(is_worse)
    )


def halves(labels: np.ndarray) -> np.ndarray:
    """Returns 0 or 1 for each sample, so that each class is in both halves."""
    groups = np.zeros(len(labels), int)
    groups[np.argsort(labels, kind="stable")] = np.arange(len(labels)) % 2
    return groups


def _cross_fitted(
    kind: str,
    logits: np.ndarray,
    labels: np.ndarray,
    weights: np.ndarray,
    groups: np.ndarray,
) -> np.ndarray:
    losses = np.zeros(len(labels))
    for group in np.unique(groups):
        here, temperature = groups == group, 1.0
        if not here.all():
            temperature = best_temperature(
                kind, logits[~here], labels[~here], weights[~here]
            )
        losses[here] = sample_losses(
            kind, logits[here] / temperature, labels[here]
        )
    return losses
