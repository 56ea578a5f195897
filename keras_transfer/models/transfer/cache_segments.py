"""Which activations serve which epochs of a training."""

from keras_transfer import feature_cache as cache
from keras_transfer.callbacks.run_aware import Planned
from keras_transfer.training.freezing import freeze_plan, set_trainable_depth
from keras_transfer.training.schedules import depth_at


def planned_depths(model, callbacks, epochs):
    """Returns the depth of each epoch, or `None` if it is not known before.

    Args:
        model: a `TransferModel`.
        callbacks: the callbacks of the training.
        epochs: a range.
    """
    schedules = [c.schedule for c in callbacks if isinstance(c, Planned)]
    num_blocks = len(model.blocks)
    if len(schedules) == 1:
        return {e: depth_at(schedules[0], e, num_blocks) for e in epochs}
    return None


class Stages:
    """The boundaries of one training, each made when it is first needed.

    What is nearer the head is made of what is deeper, not of the images. It
    holds as long as nothing below it trains.

    Args:
        model: a `TransferModel`.
        train: `Samples` to train on.
        validation: `Samples`, or `None`.
        feature_cache: a `FeatureCache`.
        depths: the planned depths by epoch, or `None`.
        verbose: as in `fit`.
    """

    def __init__(
        self, model, train, validation, feature_cache, depths, verbose
    ):
        self.model = model
        self.train, self.validation = train, validation
        self.cache = feature_cache
        self.depths = depths or {}
        self.verbose = verbose
        self.made = {}
        self.seconds = 0.0

    def depth_for(self, epoch):
        """Blocks above the boundary that serves an epoch; `None`: uncached."""
        depth = self.depths.get(epoch, freeze_plan(self.model).depth)
        if depth == len(self.model.blocks):
            return None
        if epoch in self.depths and self._lasts_one_epoch(epoch):
            # Not worth a pass from the deepest boundary to this one.
            return self._deepest_from(epoch)
        return depth

    def _lasts_one_epoch(self, epoch):
        depth = self.depths[epoch]
        return depth not in (
            self.depths.get(epoch - 1),
            self.depths.get(epoch + 1),
        )

    def _deepest_from(self, epoch):
        """The deepest boundary until everything trains, if it ever does."""
        deepest = 0
        while self.depths.get(epoch, full := len(self.model.blocks)) < full:
            deepest = max(deepest, self.depths[epoch])
            epoch += 1
        return deepest

    def stretch(self, epoch, epochs):
        """Returns the epoch at which another boundary begins to serve."""
        first = self.depth_for(epoch)
        for later in range(epoch + 1, epochs):
            if later in self.depths and self.depth_for(later) != first:
                return later
        return epochs

    def at(self, depth, epoch):
        """Returns `(boundary, training, validation)`, cached samples."""
        if depth not in self.made:
            if epoch in self.depths:
                # As the schedule is about to: no block below may train now.
                set_trainable_depth(self.model, self.depths[epoch])
            deepest = max(depth, self._deepest_from(epoch))
            if deepest != depth and deepest not in self.made:
                self._make(deepest)
            self._make(depth)
        return self.made[depth]

    def forget_plan(self):
        """Goes by what trains: a callback does not keep to the schedule."""
        self.depths = {}

    def trained(self, depth):
        """Forgets what the blocks that have trained since have changed.

        Args:
            depth: how many blocks have trained; `None` is all.
        """
        for made in [d for d in self.made if depth is None or d < depth]:
            del self.made[made]

    def _make(self, depth):
        boundary = cache.boundary_at(self.model, depth)
        self._check(boundary)
        deeper = min((d for d in self.made if d > depth), default=None)
        train, validation = (
            None
            if samples is None
            else self._activations(name, samples, boundary, deeper)
            for name, samples in (
                ("training", self.train),
                ("validation", self.validation),
            )
        )
        self.made[depth] = boundary, train, validation

    def _check(self, boundary):
        found = cache.reasons_not_to_cache(boundary, views=self.cache.views)
        if found:
            raise ValueError(
                "feature_cache= would not give the numbers of an uncached "
                f"training: {'; '.join(found[:5])}. Leave feature_cache out, "
                "train those layers through kt.set_trainable_depth, or keep "
                "random versions with feature_cache=FeatureCache(..., views=K)."
            )

    def _activations(self, name, samples, boundary, deeper):
        below = None
        if deeper is not None:
            other, *both = self.made[deeper]
            cached = both[name == "validation"]
            below = cached, cache.between(other, boundary)
        found = cache.build(
            samples,
            boundary,
            self.cache,
            name=name,
            views=self.cache.views if name == "training" else 1,
            deeper=below,
            verbose=self.verbose,
        )
        self.seconds += found.seconds
        return found
