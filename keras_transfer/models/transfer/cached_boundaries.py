"""Activations at the boundaries of a training, and the epochs they serve."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import keras

from keras_transfer import feature_cache as cache
from keras_transfer._private.types import Verbose
from keras_transfer.callbacks import FreezingScheduler
from keras_transfer.storage.printing import show
from keras_transfer.training.freezing import freeze_state, set_trainable_depth
from keras_transfer.training.schedules import depth_at

if TYPE_CHECKING:
    from keras_transfer.data.samples import Samples
    from keras_transfer.feature_cache.boundary import Boundary
    from keras_transfer.feature_cache.cached import CachedFeatures
    from keras_transfer.feature_cache.settings import FeatureCache
    from keras_transfer.models.transfer.transfer_model import TransferModel


def scheduled_depths(
    model: TransferModel,
    callbacks: Iterable[keras.callbacks.Callback],
    epochs: range,
) -> dict[int, int]:
    """Returns the depth by epoch; empty if it is not known beforehand.

    Args:
        model: a `TransferModel`.
        callbacks: the callbacks of the training.
        epochs: a range.
    """
    found = [c for c in callbacks if isinstance(c, FreezingScheduler)]
    if len(found) != 1:
        return {}
    schedule, num_blocks = found[0].schedule, len(model.blocks)
    return {e: depth_at(schedule, e, num_blocks) for e in epochs}


class CachedBoundaries:
    """The boundaries of one training, each made when it is first needed.

    What is nearer the head is made of what is deeper, not of the images. It
    holds as long as nothing below it trains.

    Args:
        model: a `TransferModel`.
        train: `Samples` to train on.
        validation: `Samples`, or `None`.
        feature_cache: a `FeatureCache`.
        depths: the scheduled depths by epoch.
        verbose: as in `fit`.
    """

    def __init__(
        self,
        model: TransferModel,
        train: Samples,
        validation: Samples | None,
        feature_cache: FeatureCache,
        depths: dict[int, int],
        verbose: Verbose,
    ):
        self.model = model
        self.samples = {"training": train, "validation": validation}
        self.cache = feature_cache
        self.depths = depths
        self.verbose = verbose
        self.made = {}
        self.seconds = 0.0

    def depth_for(self, epoch: int) -> int:
        """Blocks above the boundary that serves an epoch; all: uncached."""
        depth = self.depths.get(epoch, freeze_state(self.model).depth)
        is_cached = depth < len(self.model.blocks)
        if is_cached and epoch in self.depths and self._lasts_one_epoch(epoch):
            # Not worth a pass from the deepest boundary to this one.
            return self._deepest_from(epoch)
        return depth

    def _lasts_one_epoch(self, epoch: int) -> bool:
        neighbours = self.depths.get(epoch - 1), self.depths.get(epoch + 1)
        return self.depths[epoch] not in neighbours

    def _deepest_from(self, epoch: int) -> int:
        """The deepest boundary until everything trains, if it ever does."""
        deepest = 0
        while self.depths.get(epoch, full := len(self.model.blocks)) < full:
            deepest = max(deepest, self.depths[epoch])
            epoch += 1
        return deepest

    def served_until(self, epoch: int, epochs: int) -> int:
        """Returns the epoch at which another boundary begins to serve."""
        first = self.depth_for(epoch)
        for later in range(epoch + 1, epochs):
            if later in self.depths and self.depth_for(later) != first:
                return later
        return epochs

    def at(
        self, depth: int, epoch: int, epochs: int
    ) -> tuple[Boundary, CachedFeatures, CachedFeatures | None]:
        """Returns `(boundary, training, validation)`, cached samples."""
        if depth not in self.made:
            if epoch in self.depths:
                # As the schedule is about to: no block below may train now.
                set_trainable_depth(self.model, self.depths[epoch])
            deepest = max(depth, self._deepest_from(epoch))
            if deepest != depth and deepest not in self.made:
                self._make(deepest)
            self._make(depth)
            self._report(depth, epochs - epoch)
        return self.made[depth]

    def forget_schedule(self) -> None:
        """Goes by what trains: a callback does not keep to the schedule."""
        self.depths = {}

    def trained(self, depth: int) -> None:
        """Forgets what the blocks that have trained since have changed.

        Args:
            depth: how many blocks have trained.
        """
        self.made = {d: kept for d, kept in self.made.items() if d >= depth}

    def _make(self, depth: int) -> None:
        boundary = cache.boundary_at(self.model, depth)
        self._check(boundary)
        deeper = min((d for d in self.made if d > depth), default=None)
        train = self._activations("training", boundary, deeper)
        validation = self._activations("validation", boundary, deeper)
        self.made[depth] = boundary, train, validation

    def _check(self, boundary: Boundary) -> None:
        found = cache.reasons_not_to_cache(boundary, views=self.cache.views)
        if found:
            raise ValueError(
                "feature_cache= would not give the numbers of an uncached "
                f"training: {'; '.join(found[:5])}. Leave feature_cache out, "
                "train those layers through kt.set_trainable_depth, or keep "
                "random versions with feature_cache=FeatureCache(..., views=K)."
            )

    def _activations(
        self, name: str, boundary: Boundary, deeper: int | None
    ) -> CachedFeatures | None:
        if self.samples[name] is None:
            return None
        below = None
        if deeper is not None:
            other, *both = self.made[deeper]
            cached = both[name == "validation"]
            below = cached, cache.between(other, boundary)
        found = cache.build(
            self.samples[name],
            boundary,
            self.cache,
            name=name,
            views=self.cache.views if name == "training" else 1,
            deeper=below,
            verbose=self.verbose,
        )
        self.seconds += found.seconds
        return found

    def _report(self, depth: int, num_epochs: int) -> None:
        seconds, self.seconds = self.seconds, 0.0
        if seconds and self.verbose:
            show(
                f"feature cache ({self.cache.place}): "
                f"{self.made[depth][1].num_rows} samples through the frozen "
                f"part once, {seconds:.1f} s, instead of in each of "
                f"{num_epochs} epochs"
            )
