"""`fit` of a matcher on the features that its source has put out before."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from keras_transfer import feature_cache as cache
from keras_transfer._private.types import Callbacks
from keras_transfer.callbacks.run_aware import with_callback
from keras_transfer.data.seeded_batches import OrderOfEpoch
from keras_transfer.data.views import BatchesView

if TYPE_CHECKING:
    from keras_transfer.data.data_adapter import DataAdapter
    from keras_transfer.data.seeded_batches import SeededBatches
    from keras_transfer.feature_cache.cached import CachedFeatures
    from keras_transfer.feature_cache.settings import FeatureCache
    from keras_transfer.models.matching.feature_matcher import FeatureMatcher

# The key under which a matcher finds the source's features in its input.
SOURCE_FEATURES = "source_features"


class MatchedBatches(BatchesView):
    """Batches of `({"inputs": x, "source_features": ...}, y, weights)`.

    Args:
        batches: the data set, `SeededBatches`.
        cached: the `CachedFeatures` of the source's features.
    """

    def __init__(self, batches: SeededBatches, cached: CachedFeatures):
        super().__init__(batches)
        self.cached = cached

    def read(self, sample_ids: np.ndarray) -> tuple:
        x, *rest = self.batches.read(sample_ids)
        features = self.cached.take(np.asarray(sample_ids))
        if not isinstance(features, tuple):
            features = (features,)
        return ({"inputs": x, SOURCE_FEATURES: features}, *rest)


def fit_cached(
    matcher: FeatureMatcher,
    fit: Callable[..., keras.callbacks.History],
    data: DataAdapter,
    *,
    feature_cache: FeatureCache,
    callbacks: Callbacks,
    seed: int,
    validation: DataAdapter | None,
    **options: Any,
) -> keras.callbacks.History:
    """Trains on the features that the source puts out once.

    Args:
        matcher: the `FeatureMatcher`.
        fit: `keras.Model.fit`, bound to it.
        data: the `DataAdapter` of the training data.
        feature_cache: a `FeatureCache`.
        callbacks: a list.
        seed: as in `fit`.
        validation: the `DataAdapter` of validation data, or `None`.
        **options: the other arguments of `fit`.

    Raises:
        ValueError: the source would not see the same input each time.
    """
    if matcher._parts.augments:
        raise ValueError(
            "feature_cache= keeps what the source makes of each sample, and "
            f"the target '{matcher.target.name}' augments: the source would "
            "see another image in each epoch. Leave feature_cache out, or "
            "build the target without augmentation."
        )
    if data.num_samples is None:
        raise ValueError(
            "feature_cache= needs data whose samples can be read by number: "
            "arrays, or what keras_transfer.data.load returns. Received: "
            f"{data.kind}. Read them into arrays, or leave "
            "feature_cache out."
        )

    # What `feature_cache` runs a data set through.
    source = types.SimpleNamespace(prefix=matcher._parts.source)

    def wrapped(data: DataAdapter, name: str) -> MatchedBatches:
        found = cache.build(
            data.samples(), source, feature_cache,  # type: ignore[arg-type]
            name=name, verbose=options["verbose"],
        )  # fmt: skip
        return MatchedBatches(data.data, found)

    x = wrapped(data, "training")
    x.epoch = options["initial_epoch"]
    validation_data = validation and validation.for_validation()
    if validation is not None and validation.num_samples is not None:
        validation_data = wrapped(validation, "validation")
    callbacks = with_callback(callbacks, OrderOfEpoch(x))
    return fit(
        x, callbacks=callbacks, validation_data=validation_data, **options
    )
