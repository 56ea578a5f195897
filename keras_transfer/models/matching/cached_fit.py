"""`fit` of a matcher on the features that its source has put out before."""

import types

import numpy as np

from keras_transfer import feature_cache as cache
from keras_transfer.data.batches import ReorderedBatches
from keras_transfer.data.order import with_callback
from keras_transfer.data.samples import samples_of
from keras_transfer.data.seeded_batches import SeededBatches
from keras_transfer.data.views import BatchesView
from keras_transfer.models import validation_batches

# The key under which a matcher finds the source's features in its input.
SOURCE_FEATURES = "source_features"


class MatchedBatches(BatchesView):
    """Batches of `({"inputs": x, "source_features": ...}, y, weights)`.

    Args:
        batches: the data set, `SeededBatches`.
        cached: the `CachedFeatures` of the source's features.
    """

    def __init__(self, batches, cached):
        super().__init__(batches)
        self.cached = cached

    def read(self, sample_ids):
        x, *rest = self.batches.read(sample_ids)
        features = self.cached.take(np.asarray(sample_ids))
        if not isinstance(features, tuple):
            features = (features,)
        return ({"inputs": x, SOURCE_FEATURES: features}, *rest)


def fit_cached(
    matcher, fit, x, *, feature_cache, callbacks, order, seed, validation_data,
    **options,
):  # fmt: skip
    """Trains on the features that the source puts out once.

    Args:
        matcher: the `FeatureMatcher`.
        fit: `keras.Model.fit`, bound to it.
        x: the training data, arrays already wrapped.
        feature_cache: a `FeatureCache`.
        callbacks: a list.
        order: the callback that tells data which epoch it is.
        seed: as in `fit`.
        validation_data: as in `fit`.
        **options: the other arguments of `fit`.

    Raises:
        ValueError: the source would not see the same input each time.
    """
    if matcher.parts.augments:
        raise ValueError(
            "feature_cache= keeps what the source makes of each sample, and "
            f"the target '{matcher.target.name}' augments: the source would "
            "see another image in each epoch. Leave feature_cache out, or "
            "build the target without augmentation."
        )
    if not isinstance(x, SeededBatches) or isinstance(x, ReorderedBatches):
        raise ValueError(
            "feature_cache= needs data whose samples can be read by number: "
            "arrays, or what keras_transfer.data.load returns. Received: "
            f"{type(x).__name__}. Read them into arrays, or leave "
            "feature_cache out."
        )

    # What `feature_cache` runs a data set through.
    source = types.SimpleNamespace(prefix=matcher.parts.source)

    def wrapped(batches, name):
        found = cache.build(
            samples_of(batches), source, feature_cache,
            name=name, verbose=options["verbose"],
        )  # fmt: skip
        return MatchedBatches(batches, found)

    x = wrapped(x, "training")
    x.epoch = options["initial_epoch"]
    order.batches = x
    validation_data = validation_batches.batched(validation_data, options)
    if isinstance(validation_data, SeededBatches):
        validation_data = wrapped(validation_data, "validation")
    callbacks = with_callback(callbacks, order)
    return fit(
        x, callbacks=callbacks, validation_data=validation_data, **options
    )
