"""Whether a batch of new samples is unlike the training data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

if TYPE_CHECKING:
    from keras_transfer.recipes.assessment.reference_samples import (
        ReferenceSamples,
    )

# Fewer samples tell no shift from chance.
ENOUGH_FOR_SHIFT = 30
# One in a hundred batches that are like the training data is called shifted.
SHIFT_LEVEL = 0.01


def shift_p_value(scores: np.ndarray, known: np.ndarray) -> float:
    """Returns how often known samples have unknown scores as high as these.

    A rank test, one-sided.

    Args:
        scores: unknown scores of the batch, `(samples,)`.
        known: unknown scores of known samples, `(other samples,)`.

    Reference:
        Mann and Whitney 1947, On a Test of Whether One of Two Random
        Variables is Stochastically Larger than the Other.
    """
    from scipy.stats import mannwhitneyu

    return float(mannwhitneyu(scores, known, alternative="greater").pvalue)


def shift_warning(scores: ArrayLike, reference: ReferenceSamples) -> str | None:
    """Returns a sentence if a batch is unlike the training data.

    Args:
        scores: unknown scores of the batch, `(samples,)`.
        reference: the `ReferenceSamples` of the detector.

    Returns:
        The sentence, or `None`: no shift, fewer than 30 samples, or nothing
        to compare with that the backbone was not trained on.
    """
    scores = np.asarray(scores)
    if len(scores) < ENOUGH_FOR_SHIFT or reference.were_trained_on:
        return None
    p_value = shift_p_value(scores, reference.scores)
    if p_value >= SHIFT_LEVEL:
        return None
    return (
        f"these {len(scores)} samples are unlike the training data (mean "
        f"unknown score {scores.mean():.3f}, of known samples "
        f"{reference.scores.mean():.3f}; p = {p_value:.2g}): other cameras, "
        "places or styles, or classes that were not trained. The accuracy "
        "measured before does not hold for them."
    )
