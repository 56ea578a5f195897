"""The features that a model's head starts from, of a bounded part of data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from keras_transfer._private.types import Data, PathLike, Verbose
from keras_transfer.data.views import SubsetBatches
from keras_transfer.models import TransferModel
from keras_transfer.recipes.assessment.subsets import some_samples
from keras_transfer.recipes.assessment.target_data import check_inputs
from keras_transfer.recipes.data_parts import as_numbered
from keras_transfer.recipes.head_stage import pooled_once

if TYPE_CHECKING:
    from keras_transfer.data.seeded_batches import SeededBatches
    from keras_transfer.feature_cache.settings import FeatureCache


def drawn(data: Data, name: str, most: float, seed: int) -> SubsetBatches:
    """Returns at most `most` samples as `SeededBatches`, in a fixed order.

    Args:
        data: arrays `x` or `(x, y)`, or a data set that `fit` takes.
        name: what to call them in a message.
        most: most samples; of more, so many are drawn.
        seed: seed of which.
    """
    batches = as_numbered(data, name, batch_size=32, seed=seed, shuffle=False)
    rows = some_samples(batches.num_samples, most, seed)
    return SubsetBatches(batches, rows, shuffle=False)


def pooled_features(
    model: TransferModel,
    batches: SeededBatches,
    name: str,
    verbose: Verbose = "auto",
    cache: FeatureCache | PathLike = "memory",
) -> tuple[np.ndarray, list]:
    """Runs a data set through a `TransferModel` below its head, once.

    Args:
        model: a `TransferModel`. Its flags do not matter.
        batches: `SeededBatches`, with labels or without.
        name: what to call the data in messages and the progress bar.
        verbose: 0 shows no progress.
        cache: as in `feature_cache.features`.

    Returns:
        `(features, rest)`: an array `(samples, dimensions)`, maps and
        sequences averaged over their positions where the head does not pool
        them otherwise; and the labels and weights that the data have.

    Raises:
        ValueError: no `TransferModel`, or data that do not fit it.
    """
    check_model(model)
    check_inputs(model, batches, name)
    x, *rest = pooled_once(model, batches, name, verbose, cache=cache)
    return pooled(x), rest


def pooled(features: ArrayLike) -> np.ndarray:
    """Returns features with their mean over positions, if there are any.

    A head of one's own may start from a map.
    """
    features = np.asarray(features)
    return features.reshape(len(features), -1, features.shape[-1]).mean(axis=1)


def check_model(model: TransferModel) -> None:
    """Raises if something is no `TransferModel`."""
    if not isinstance(model, TransferModel):
        raise ValueError(
            "A TransferModel is expected, whose features below the head are "
            f"read. Received: {type(model).__name__}. Build one around your "
            "model: TransferModel(model, head=...)."
        )
