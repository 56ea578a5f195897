"""`fit` of a `FeatureMatcher`: labels, similarity, and kept features."""

import contextlib
import types
import warnings

import keras
import numpy as np

from keras_transfer import _private
from keras_transfer import feature_cache as cache
from keras_transfer.callbacks import FreezingScheduler
from keras_transfer.callbacks.run_aware import RunAwareCallback
from keras_transfer.data.batches import ReorderedBatches, SeededBatches
from keras_transfer.data.first_batch import unpacked
from keras_transfer.data.order import with_callback
from keras_transfer.data.sample_inputs import joined, some_inputs
from keras_transfer.models import validation_batches
from keras_transfer.models.matching.source_scale import SCALED_BY
from keras_transfer.training import freezing

# The key under which a matcher finds the source's features in its input.
SOURCE_FEATURES = "source_features"

# Samples on which similarity is measured before and after.
_MEASURED = 32


@contextlib.contextmanager
def frozen(source):
    """Freezes every layer of a model, and puts the flags back afterwards."""
    flags = freezing.flags(source)
    try:
        freezing.restore_flags(source, [False] * len(flags))
        yield
    finally:
        freezing.restore_flags(source, flags)


class Guard(keras.callbacks.Callback):
    """Ends a training whose matching loss is no number any more."""

    def on_epoch_end(self, epoch, logs=None):
        bad = [
            name
            for name, value in (logs or {}).items()
            if "match_" in name and not np.isfinite(value)
        ]
        if bad:
            raise ValueError(
                f"The matching loss is not a number after epoch {epoch + 1}: "
                f"{', '.join(bad)}. Lower the learning rate or the "
                "matching_weight, or leave that pair out. Weights of an "
                "earlier epoch: keras.callbacks.ModelCheckpoint, "
                "TransferCheckpoint."
            )


class Measure(keras.callbacks.Callback):
    """Measures how alike the features are, when training begins and ends.

    Args:
        inputs: a batch of inputs.
    """

    def __init__(self, inputs):
        super().__init__()
        self.inputs = inputs

    def on_train_begin(self, logs=None):
        _private.sync_state(self.model)
        self.model.measure(self.inputs)

    def on_train_end(self, logs=None):
        _private.sync_state(self.model)
        self.model.measure(self.inputs, after=True)


def prepared(matcher, x, callbacks):
    """Returns the callbacks of a run, with those that every matching has."""
    if matcher.trainable_depth == 0 and not _unfreezes(callbacks):
        warnings.warn(
            f"None of the blocks of the target '{matcher.target.name}' "
            "trains, only its head and the adapters: its features stay as "
            "they are. kt.unfreeze(matcher), or a FreezingScheduler, lets "
            "them move.",
            stacklevel=5,
        )
    own = [Guard()]
    is_scaled = matcher.parts.is_scaled
    batches = some_inputs(x, _MEASURED if is_scaled else SCALED_BY)
    if not is_scaled:
        _measure_scales(matcher, batches)
    if batches:
        own.append(Measure(joined(batches[: _enough(batches)])))
    for callback in own:
        callbacks = with_callback(callbacks, callback)
    return callbacks


def _unfreezes(callbacks):
    """Whether one of the callbacks may unfreeze blocks."""
    if isinstance(callbacks, keras.callbacks.CallbackList):
        callbacks = callbacks.callbacks
    return any(
        isinstance(callback, FreezingScheduler | RunAwareCallback)
        for callback in keras.tree.flatten(callbacks)
    )


def are_unlabelled(x):
    """Whether data come without labels, as far as they can be asked.

    Args:
        x: what `fit` trains on, arrays already wrapped.
    """
    if isinstance(x, keras.utils.PyDataset):
        first = x[0]
    elif hasattr(x, "element_spec"):
        first = x.element_spec
    elif hasattr(x, "dataset"):
        first = x.dataset[0]
    else:
        return False
    return unpacked(first)[1] is None


def _measure_scales(matcher, batches):
    """Brings the source's features to one scale, once in a matcher's life."""
    if batches:
        matcher.parts.scale_by(batches)
        return
    warnings.warn(
        "A generator or tf.data pipeline cannot be looked at beforehand, so "
        "the source's features were not measured and are compared at the "
        "scale that they have. FeatureMatcher(..., data=a batch of inputs) "
        "measures them.",
        stacklevel=6,
    )


def _enough(batches):
    """How many batches hold the samples on which similarity is measured."""
    sizes = [len(keras.tree.flatten(batch)[0]) for batch in batches]
    return int(np.searchsorted(np.cumsum(sizes), _MEASURED)) + 1


class MatchedBatches(SeededBatches):
    """Batches of `({"inputs": x, "source_features": ...}, y, weights)`.

    Args:
        batches: the data set, `SeededBatches`.
        cached: the `CachedSamples` of the source's features.
    """

    def __init__(self, batches, cached):
        super().__init__(batches.num_samples, **batches.order)
        self.batches, self.cached = batches, cached
        self.class_names = batches.class_names

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
            cache.samples_of(batches), source, feature_cache,
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
