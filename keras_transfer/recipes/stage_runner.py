"""The model, data and cache that the stages of `fine_tune` share."""

import dataclasses

import keras

from keras_transfer.feature_cache import FeatureCache
from keras_transfer.recipes.best_weights import BestWeights, early_stopping
from keras_transfer.recipes.time_limit import StopAtTimeLimit, TimeLimit
from keras_transfer.recipes.training import fits_in_memory


@dataclasses.dataclass
class StageRunner:
    """A model, its data, and one way to train it for all stages.

    Attributes:
        model: a compiled `TransferModel`.
        train: `SeededBatches`.
        validation: `SeededBatches`, or `None`.
        best: the `BestWeights` of the recipe.
        limit: its `TimeLimit`.
        verbose: as in `keras.Model.fit`.
        cache: what the frozen part has put out so far.
    """

    model: keras.Model
    train: object
    validation: object
    best: BestWeights
    limit: TimeLimit
    verbose: object
    cache: FeatureCache = dataclasses.field(
        default_factory=lambda: FeatureCache("memory")
    )
    _fits: dict = dataclasses.field(default_factory=dict, repr=False)

    def cache_at(self, depth):
        """The cache, or `None` where it would not be exact or not fit."""
        num_samples = self.train.num_samples
        if self.validation is not None:
            num_samples += self.validation.num_samples
        asked = num_samples, depth, self.cache.views
        # To know it, the model has to be cut; every stage asks for the same.
        if asked not in self._fits:
            self._fits[asked] = fits_in_memory(
                self.model, num_samples, depth, views=self.cache.views
            )
        return self.cache if self._fits[asked] else None

    def fit(self, epochs, patience, *, depth, first=(), last=()):
        """Trains, and remembers the best epoch.

        Args:
            epochs: most epochs.
            patience: epochs without a better one before it stops.
            depth: most blocks that are going to train.
            first: callbacks that act before the epoch is remembered.
            last: callbacks that act after that.
        """
        stop = early_stopping(self.validation, patience)
        self.model.fit(
            self.train,
            validation_data=self.validation,
            epochs=epochs,
            feature_cache=self.cache_at(depth),
            callbacks=[
                *first, self.best, stop, StopAtTimeLimit(self.limit), *last
            ],
            verbose=self.verbose,
        )  # fmt: skip
