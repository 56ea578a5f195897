"""Before and after the `fit` of a matcher: labels, scales, similarity."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING

import keras
import numpy as np

from keras_transfer import _private
from keras_transfer._private.types import Callbacks, Nested
from keras_transfer.callbacks import FreezingScheduler
from keras_transfer.callbacks.run_aware import (
    RunAwareCallback,
    with_callback,
)
from keras_transfer.data.data_adapter import joined
from keras_transfer.models.matching.source_scale import SCALED_BY
from keras_transfer.training import freezing

if TYPE_CHECKING:
    from keras_transfer.data.data_adapter import DataAdapter
    from keras_transfer.models.matching.feature_matcher import FeatureMatcher

# Samples on which similarity is measured before and after.
_MEASURED = 32


@contextlib.contextmanager
def frozen(source: keras.Model) -> Iterator[None]:
    """Freezes every layer of a model, and puts the flags back afterwards."""
    flags = freezing.flags(source)
    try:
        freezing.restore_flags(source, [False] * len(flags))
        yield
    finally:
        freezing.restore_flags(source, flags)


class FiniteLossGuard(keras.callbacks.Callback):
    """Ends a training whose matching loss is no number any more."""

    def on_epoch_end(
        self, epoch: int, logs: dict[str, float] | None = None
    ) -> None:
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


class SimilarityMeter(keras.callbacks.Callback):
    """Measures how alike the features are, when training begins and ends.

    Args:
        inputs: a batch of inputs.
    """

    def __init__(self, inputs: Nested):
        super().__init__()
        self.inputs = inputs

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        _private.sync_state(self.model)
        self.model.measure(self.inputs)

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        _private.sync_state(self.model)
        self.model.measure(self.inputs, after=True)


def prepared(
    matcher: FeatureMatcher, data: DataAdapter, callbacks: Callbacks
) -> Callbacks:
    """Returns the callbacks of a run, with those that every matching has."""
    if matcher.trainable_depth == 0 and not _unfreezes(callbacks):
        warnings.warn(
            f"None of the blocks of the target '{matcher.target.name}' "
            "trains, only its head and the adapters: its features stay as "
            "they are. kt.unfreeze(matcher), or a FreezingScheduler, lets "
            "them move.",
            stacklevel=5,
        )
    own = [FiniteLossGuard()]
    is_scaled = matcher._parts.is_scaled
    batches = data.inputs(_MEASURED if is_scaled else SCALED_BY)
    if not is_scaled:
        _measure_scales(matcher, batches)
    if batches:
        own.append(SimilarityMeter(joined(batches[: _enough(batches)])))
    for callback in own:
        callbacks = with_callback(callbacks, callback)
    return callbacks


def _unfreezes(callbacks: Callbacks) -> bool:
    """Whether one of the callbacks may unfreeze blocks."""
    if isinstance(callbacks, keras.callbacks.CallbackList):
        callbacks = callbacks.callbacks
    return any(
        isinstance(callback, FreezingScheduler | RunAwareCallback)
        for callback in keras.tree.flatten(callbacks)
    )


def _measure_scales(matcher: FeatureMatcher, batches: list) -> None:
    """Brings the source's features to one scale, once in a matcher's life."""
    if batches:
        matcher._parts.scale_by(batches)
        return
    warnings.warn(
        "A generator or tf.data pipeline cannot be looked at beforehand, so "
        "the source's features were not measured and are compared at the "
        "scale that they have. FeatureMatcher(..., data=a batch of inputs) "
        "measures them.",
        stacklevel=6,
    )


def _enough(batches: list) -> int:
    """How many batches hold the samples on which similarity is measured."""
    sizes = [len(keras.tree.flatten(batch)[0]) for batch in batches]
    return int(np.searchsorted(np.cumsum(sizes), _MEASURED)) + 1
