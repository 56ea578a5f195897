"""The part of an assessment that costs next to nothing before a training."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from keras_transfer.data.views import SubsetBatches
from keras_transfer.recipes.assessment.collected import Collected
from keras_transfer.recipes.assessment.from_features import (
    Effort,
    assess_features,
)
from keras_transfer.recipes.assessment.noted_batches import NotedBatches
from keras_transfer.recipes.assessment.pooled_features import pooled
from keras_transfer.recipes.assessment.subsets import some_rows
from keras_transfer.recipes.assessment.target_data import class_names_of

if TYPE_CHECKING:
    from keras_transfer.data.seeded_batches import SeededBatches
    from keras_transfer.models.transfer.transfer_model import TransferModel
    from keras_transfer.recipes.assessment.assessment import TransferAssessment

# Of more samples a part is looked at: the time stays a few seconds
# (benchmarks/assessment_in_fit_is_cheap.py).
_MOST, _MOST_CURVE = 2000, 800


def assess_before_training(
    model: TransferModel,
    train: SeededBatches,
    features: np.ndarray,
    labels: np.ndarray,
    *,
    seed: int = 0,
) -> TransferAssessment:
    """Returns an assessment from features that the head is solved on anyway.

    Nothing runs through the net: no random weights, no source samples, and of
    duplicates those whose features are alike.

    Args:
        model: the `TransferModel`.
        train: `SeededBatches` with the training samples.
        features: theirs, `(samples, dimensions)`.
        labels: classes `(samples,)`.
        seed: seed of folds and subsets.

    Returns:
        A `TransferAssessment`.

    Raises:
        ValueError: one class, or fewer than 8 samples.
    """
    features = pooled(features)
    rows = some_rows(labels, _MOST, seed)
    part = Collected(
        "train",
        features[rows],
        labels[rows],
        NotedBatches(SubsetBatches(train, rows, shuffle=False)),
    )
    effort = Effort(
        curve=_MOST_CURVE, num_draws=1, folds=3, choose_on=_MOST_CURVE,
        pixels=False,
    )  # fmt: skip
    found = assess_features(
        model.backbone.name, [part], class_names_of(model, train),
        effort=effort, labels=labels, seed=seed,
    )  # fmt: skip
    if len(rows) < len(labels):
        found.notes.append(
            f"probe and data check saw {len(rows)} of {len(labels)} training "
            "samples; `keras-transfer assess` looks at all."
        )
    return found
