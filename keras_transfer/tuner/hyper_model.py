"""`TransferHyperModel`: what KerasTuner may choose for a transfer."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import keras
import keras_tuner
from keras_tuner import errors

from keras_transfer._private.types import (
    Data,
    NativeStrategy,
    Nested,
    PathLike,
    Shape,
)
from keras_transfer.feature_cache import FeatureCache, as_feature_cache
from keras_transfer.layers.base_head import checked_count
from keras_transfer.storage.printing import brief, note
from keras_transfer.training import distribution
from keras_transfer.tuner import objectives, search_space, trial, trial_model
from keras_transfer.tuner.search_space import Space, Value, Values
from keras_transfer.tuner.settings import FINE_TUNE, Settings

if TYPE_CHECKING:
    from keras_transfer.models.transfer.transfer_model import TransferModel


class TransferHyperModel(keras_tuner.HyperModel):
    """A backbone with a head, trained by `fine_tune`, for any KerasTuner tuner.

    A trial trains as `fine_tune` does, with the hyperparameters in the place
    of its own choices: a linear head is solved on the features, another one is
    trained, and then blocks from the top train with it. To KerasTuner it is one
    training. A solved head counts as its first epoch; a trial's score is its
    best epoch, and the weights that KerasTuner saves are those of that epoch.
    Trials share what the frozen part puts out (`feature_cache`), by backbone
    and depth. Under Hyperband a trial goes on from the checkpoint of an
    earlier one, and no head is solved again.

    Args:
        num_classes: number of classes.
        input_shape: `(height, width, channels)` of the images, or `None` for
            the backbone's own.
        backbones: names, paths or models to choose from, as in
            `TransferModel`.
        space: `"small"`, `"full"`, or a dict from names to a value, a list or
            a range `(low, high)` or `(low, high, "log")`. Of the model
            `hidden_units`, `dropout`, `pooling`, `label_smoothing`,
            `augmentation`; of the training, as in `fine_tune`, `batch_size`,
            `blocks`, `learning_rate`, `layer_decay`, `gradual`, `l2sp`,
            `optimizer`, `weight_decay`, `head_learning_rate`. What is not
            named is as `fine_tune` picks it. `blocks` of 0.0 is the head
            alone.
        weights: as in `TransferModel`.
        feature_cache: `"memory"`, a folder, a `FeatureCache`, or `None`.
            Trials with augmentation do not use it, nor those of a source
            that draws random numbers in its frozen part.
        head_epochs: most epochs of a head that is not linear, or whose loss
            is smoothed; `None` is three fifths of all.
        strategy: what to build and train with, as in
            `distribution.prepare`.
        seed: seed of the head's weights and of the order of samples.
        **options: `name` and `tunable` of `keras_tuner.HyperModel`.

    Raises:
        ValueError: a space with nothing to choose from, or with names or
            ranges that do not exist; a `num_classes` that is no number of
            classes.

    Example:

    ```python
    hypermodel = TransferHyperModel(5, (128, 128, 3), ["MobileNetV2"])
    tuner = keras_tuner.RandomSearch(
        hypermodel, "val_accuracy", max_trials=15, directory="search"
    )
    tuner.search(x, y, epochs=8, validation_data=validation)
    model = tuner.get_best_models()[0]
    ```
    """

    def __init__(
        self,
        num_classes: int,
        input_shape: Shape | None = None,
        backbones: Iterable[PathLike | keras.Model] = ("MobileNetV2",),
        space: str | Space = "small",
        *,
        weights: PathLike | None = "imagenet",
        feature_cache: FeatureCache | PathLike | None = "memory",
        head_epochs: int | None = None,
        strategy: distribution.Strategy | NativeStrategy | None = None,
        seed: int = 0,
        **options: Any,
    ):
        super().__init__(**options)
        backbones = list(backbones)
        self.num_classes = checked_count("num_classes", num_classes)
        self.input_shape = input_shape
        # KerasTuner chooses among names: a model goes by its own.
        self.backbones = _by_name(backbones)
        self.space = search_space.space_of(space, list(self.backbones))
        self.weights, self.seed = weights, seed
        self.head_epochs = head_epochs
        self.strategy = distribution.as_strategy(strategy)
        # Backbones whose cut has been printed.
        self._told = set()
        # Why there are no kept features, by backbone.
        self._reasons = {}
        self.feature_cache = as_feature_cache(feature_cache)
        if self.feature_cache is not None:
            # Every trial asks again for what others have computed.
            self.feature_cache.used_once = False

    def __repr__(self) -> str:
        searched = [
            n for n in self.space if search_space.is_open(self.space[n])
        ]
        return brief(
            self,
            f"{self.num_classes} classes",
            f"backbones {', '.join(self.backbones)}",
            f"searched {', '.join(searched)}",
        )

    def settings(self, hp: keras_tuner.HyperParameters) -> Settings:
        """Returns what KerasTuner has chosen, as `Settings`.

        Args:
            hp: the `keras_tuner.HyperParameters` of a trial.
        """
        found: dict[str, Any] = {}
        for name, values in self.space.items():
            found[name] = self._chosen(hp, name, values, found)
        if hp.values.get("recipe") != FINE_TUNE:
            return Settings(**found)
        settled = {
            name: search_space.ends_of(values)[0]
            for name, values in self.space.items()
            if not search_space.is_open(values)
        }
        return Settings(
            **settled | {"backbone": found["backbone"], "recipe": FINE_TUNE}
        )

    def _chosen(
        self,
        hp: keras_tuner.HyperParameters,
        name: str,
        values: Values,
        found: dict[str, Any],
    ) -> Value:
        if name not in search_space.ONLY_WITH:
            return search_space.choose(hp, name, values)
        if not search_space.is_open(values):
            return search_space.ends_of(values)[0]
        if not self._may_matter(name):
            return search_space.inactive(name, values)
        with contextlib.ExitStack() as scopes:
            for parent, those in self._parents(name):
                scopes.enter_context(hp.conditional_scope(parent, those))
            chosen = search_space.choose(hp, name, values)
        matters = search_space.matters(name, found)
        return chosen if matters else search_space.inactive(name, values)

    def _may_matter(self, name: str) -> bool:
        """Whether a hyperparameter matters for any value of its parents."""
        return all(
            isinstance(values := self.space[parent], tuple)
            or any(map(fits, search_space.ends_of(values)))
            for parent, fits in search_space.parents_of(name)
        )

    def _parents(self, name: str) -> list[tuple[str, list]]:
        """The parents that are drawn from lists, the outermost first.

        Returns:
            Pairs of a name and the values with which the child matters.
        """
        found = [
            (parent, [*filter(fits, values)])
            for parent, fits in search_space.parents_of(name)
            # One that is settled does not lie in `hp`.
            if isinstance(values := self.space[parent], list)
            and search_space.is_open(values)
        ]
        return found[::-1]

    def build(self, hp: keras_tuner.HyperParameters) -> TransferModel:
        """Returns a compiled `TransferModel`; called by the tuner.

        Args:
            hp: the `keras_tuner.HyperParameters` of a trial.
        """
        settings = self.settings(hp)
        told = settings.backbone in self._told
        self._told.add(settings.backbone)
        heard = io.StringIO() if told else sys.stdout
        with contextlib.redirect_stdout(heard), self.strategy.scope():
            model = trial_model.build(
                settings,
                self.backbones[settings.backbone],
                self.num_classes,
                input_shape=self.input_shape,
                weights=self.weights,
                seed=self.seed,
            )
        # Under a strategy of several devices.
        return distribution.prepare(model)

    def fit(
        self,
        hp: keras_tuner.HyperParameters,
        model: TransferModel,
        x: Data,
        y: Nested = None,
        *,
        epochs: int | None = 1,
        callbacks: Sequence[keras.callbacks.Callback] = (),
        **options: Any,
    ) -> keras.callbacks.History:
        """Trains a trial; called by the tuner.

        Args:
            hp: the `keras_tuner.HyperParameters` of the trial.
            model: what `build` returned.
            x: training data, as in `TransferModel.fit`.
            y: labels, for arrays.
            epochs: epochs that train, as in `trial.train`.
            callbacks: those of the tuner.
            **options: the other arguments of `TransferModel.fit`.

        Returns:
            A `keras.callbacks.History`.

        Raises:
            keras_tuner.errors.FatalValueError: the tuner's objective is not
                logged, or a batch is larger than the data; the search ends.
        """
        settings = self.settings(hp)
        try:
            _check_objective(callbacks, options)
            trial.check_batch_size(x, settings.batch_size)
        except ValueError as error:
            # Nothing that another trial could do better.
            raise errors.FatalValueError(str(error)) from error
        # Not around the search: between trials KerasTuner clears the session,
        # and that ends every scope.
        with self.strategy.scope():
            cache = self._cache_for(settings, model, x)
            return trial.train(
                settings,
                model,
                x,
                y,
                epochs=epochs,
                head_epochs=self.head_epochs,
                callbacks=callbacks,
                feature_cache=cache,
                seed=self.seed,
                **options,
            )

    def _cache_for(
        self, settings: Settings, model: TransferModel, x: Data
    ) -> FeatureCache | None:
        """The cache, if what is frozen puts out the same in each epoch."""
        if self.feature_cache is None or settings.augmentation:
            return None
        known = settings.backbone, settings.trains_blocks
        if known not in self._reasons:
            self._reasons[known] = trial.reasons_to_run_all(
                settings, model, x, self.feature_cache.views
            )
            if found := self._reasons[known]:
                note(
                    f"Trials of '{settings.backbone}' run without kept "
                    f"features: {'; '.join(found[:2])}."
                )
        return None if self._reasons[known] else self.feature_cache


def _check_objective(
    callbacks: Iterable[keras.callbacks.Callback], options: dict[str, Any]
) -> None:
    validation = options.get("validation_data") is not None
    validation = validation or bool(options.get("validation_split"))
    for callback in callbacks:
        objective = getattr(callback, "objective", None)
        # Several at once are a name of their own, over a list.
        for each in getattr(objective, "objectives", None) or [objective]:
            name = getattr(each, "name", "default_objective")
            if name != "default_objective":
                objectives.check_objective(name, validation)


def _by_name(
    backbones: Iterable[PathLike | keras.Model],
) -> dict[str, PathLike | keras.Model]:
    """Backbones by names of their own: Keras calls most models alike."""
    named = {}
    for each in backbones:
        name = getattr(each, "name", None) or str(each)
        if any(each is known for known in named.values()):
            continue
        alike = sum(other.partition(" #")[0] == name for other in named)
        if alike and isinstance(each, str):
            continue
        named[f"{name} #{alike + 1}" if alike else name] = each
    return named
