"""Takes from a model's training data what an `UnknownDetector` keeps."""

from __future__ import annotations

import numbers
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from keras_transfer._private.types import Data, Verbose
from keras_transfer.recipes.assessment.pooled_features import (
    drawn,
    pooled_features,
)
from keras_transfer.recipes.assessment.reference_samples import (
    ReferenceSamples,
)
from keras_transfer.storage import fingerprints
from keras_transfer.transferability.unknown_score import (
    of_length_one,
    unknown_score,
    unknown_score_of_training,
)

if TYPE_CHECKING:
    from keras_transfer.models.transfer.transfer_model import TransferModel


def fit_reference(
    model: TransferModel,
    parts: Iterable[tuple[str, Data]],
    rate: float,
    *,
    max_samples: int,
    seed: int = 0,
    verbose: Verbose = "auto",
) -> ReferenceSamples:
    """Returns the `ReferenceSamples` of a model.

    Args:
        model: a trained `TransferModel`.
        parts: pairs `(name, data)`: what it was trained on, then what sets
            the threshold, or `None` for the first again, each sample judged
            by the others.
        rate: share of known samples that may be called unknown.
        max_samples: most samples of each part; of more, so many are drawn.
        seed: seed of which are drawn.
        verbose: 0 shows no progress.

    Raises:
        ValueError: a rate out of (0, 1), fewer than 3 training samples, data
            that do not fit the model.
    """
    _check_rate(rate)
    parts = [(name, part) for name, part in parts if part is not None]
    features, *held_out = (
        pooled_features(
            model, drawn(part, name, max_samples, seed), name, verbose
        )[0]
        for name, part in parts
    )
    features = _as_kept(features)
    if held_out:
        scores = unknown_score(train=features, features=held_out[0])
    else:
        scores = unknown_score_of_training(features)
    return ReferenceSamples(
        features,
        np.sort(scores),
        rate,
        parts[-1][0],
        not held_out and model.trainable_depth > 0,
        digest_of(model),
    )


def digest_of(model: TransferModel) -> str:
    """Returns a digest of a model's weights below the head."""
    return fingerprints.of_arrays(model.backbone.get_weights())


def _check_rate(rate: float) -> None:
    if not isinstance(rate, numbers.Real) or not 0 < rate < 1:
        raise ValueError(
            "`false_alarm_rate` is a share of samples, above 0 and below 1. "
            f"Received: {rate!r}. The usual one is 0.05."
        )


def _as_kept(features: np.ndarray) -> np.ndarray:
    """Features as a file keeps them, so that it gives the same scores."""
    if len(features) < 3:
        raise ValueError(
            "Unknown samples are told by their distance to known ones. "
            f"Received: {len(features)} training samples. Expected at least "
            "3."
        )
    features = of_length_one(features.astype("float64"))
    return features.astype("float16").astype("float32")
