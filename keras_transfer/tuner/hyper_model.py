"""`TransferHyperModel`: what KerasTuner may choose for a transfer."""

import contextlib
import io
import sys

import keras_tuner
from keras_tuner import errors

from keras_transfer.feature_cache import as_feature_cache
from keras_transfer.training import distribution
from keras_transfer.tuner import search_space, trial

# Of the epochs, those that train the head alone.
_HEAD_SHARE = 0.6


class TransferHyperModel(keras_tuner.HyperModel):
    """A backbone with a head, trained in two phases, for any KerasTuner tuner.

    For the first `head_epochs` the head trains on its own; then a share of
    the backbone's blocks, from the top, trains with it, at another rate. It is
    one `fit`, so that a trial's score is the best epoch of both phases, and
    the weights that KerasTuner saves are those of that epoch. Trials share what
    the frozen part puts out (`feature_cache`), by backbone and depth.

    Args:
        num_classes: number of classes.
        input_shape: `(height, width, channels)` of the images, or `None` for
            the backbone's own.
        backbones: names, paths or models to choose from, as in
            `TransferModel`.
        space: `"small"`, `"full"`, or a dict from names to a value, a list or
            a range `(low, high)` or `(low, high, "log")`: `hidden_units`,
            `dropout`, `pooling`, `label_smoothing`, `augmentation`,
            `optimizer`, `weight_decay`, `learning_rate`, `batch_size`,
            `fine_tuned_share`, `fine_tuning_rate`, `layer_decay`, `gradual`,
            `l2sp`.
        weights: as in `TransferModel`.
        feature_cache: `"memory"`, a folder, a `FeatureCache`, or `None`.
            Trials with augmentation do not use it, nor those of a source
            that draws random numbers in its frozen part.
        head_epochs: epochs of the first phase; `None` is three fifths of all.
        strategy: what to build and train with, as in
            `distribution.prepare`.
        seed: seed of the head's weights and of the order of samples.
        **options: `name` and `tunable` of `keras_tuner.HyperModel`.

    Raises:
        ValueError: a space with nothing to choose from, or with names or
            ranges that do not exist.

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
        num_classes,
        input_shape=None,
        backbones=("MobileNetV2",),
        space="small",
        *,
        weights="imagenet",
        feature_cache="memory",
        head_epochs=None,
        strategy=None,
        seed=0,
        **options,
    ):
        super().__init__(**options)
        backbones = list(backbones)
        self.num_classes, self.input_shape = num_classes, input_shape
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

    def epochs_of_head(self, epochs):
        """Returns how many of so many epochs train the head alone.

        Args:
            epochs: all epochs of a trial.
        """
        if self.head_epochs is None:
            return round(_HEAD_SHARE * epochs)
        return self.head_epochs

    def settings(self, hp):
        """Returns what KerasTuner has chosen, as `trial.Settings`.

        Args:
            hp: the `keras_tuner.HyperParameters` of a trial.
        """
        found = {}
        for name, values in self.space.items():
            found[name] = self._chosen(hp, name, values, found)
        return trial.Settings(**found)

    def _chosen(self, hp, name, values, found):
        if name not in search_space.ONLY_WITH:
            return search_space.choose(hp, name, values)
        parent, matters = search_space.ONLY_WITH[name]
        known, fits = self.space[parent], matters(found[parent])
        # A parent that is settled does not lie in `hp`.
        scope = contextlib.nullcontext()
        if search_space.is_open(known):
            scope = hp.conditional_scope(parent, [*filter(matters, known)])
        elif not fits:
            return search_space.ends_of(values)[0]
        with scope:
            chosen = search_space.choose(hp, name, values)
        return chosen if fits else search_space.ends_of(values)[0]

    def build(self, hp):
        """Returns a compiled `TransferModel`; called by the tuner.

        Args:
            hp: the `keras_tuner.HyperParameters` of a trial.
        """
        settings = self.settings(hp)
        told = settings.backbone in self._told
        self._told.add(settings.backbone)
        heard = io.StringIO() if told else sys.stdout
        with contextlib.redirect_stdout(heard), self.strategy.scope():
            model = trial.build(
                settings,
                self.backbones[settings.backbone],
                self.num_classes,
                input_shape=self.input_shape,
                weights=self.weights,
                seed=self.seed,
            )
        # Under a strategy of several devices.
        return distribution.prepare(model)

    def fit(self, hp, model, x, y=None, *, epochs=1, callbacks=(), **options):
        """Trains in both phases; called by the tuner.

        Args:
            hp: the `keras_tuner.HyperParameters` of the trial.
            model: what `build` returned.
            x: training data, as in `TransferModel.fit`.
            y: labels, for arrays.
            epochs: epochs of both phases together.
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
                head_epochs=self.epochs_of_head(epochs),
                callbacks=callbacks,
                feature_cache=cache,
                seed=self.seed,
                **options,
            )

    def _cache_for(self, settings, model, x):
        """The cache, if what is frozen puts out the same in each epoch."""
        if self.feature_cache is None or settings.augmentation:
            return None
        known = settings.backbone, bool(settings.fine_tuned_share)
        if known not in self._reasons:
            self._reasons[known] = trial.reasons_to_run_all(
                settings, model, x, self.feature_cache.views
            )
            if found := self._reasons[known]:
                print(
                    f"Trials of '{settings.backbone}' run without kept "
                    f"features: {'; '.join(found[:2])}."
                )
        return None if self._reasons[known] else self.feature_cache


def check_objective(name, has_validation):
    """Raises if no trial logs an objective.

    Args:
        name: name of the objective.
        has_validation: whether there are validation data.

    Raises:
        ValueError: there is none of that name.
    """
    logged = ["loss", "accuracy"]
    if has_validation:
        logged += [f"val_{each}" for each in logged]
    if name in logged:
        return
    missing = not has_validation and name.startswith("val_")
    raise ValueError(
        f"The objective {name!r} is not logged. Expected one of "
        f"{', '.join(map(repr, logged))}."
        + (" There are no validation data." if missing else "")
    )


def _check_objective(callbacks, options):
    validation = options.get("validation_data") is not None
    validation = validation or bool(options.get("validation_split"))
    for callback in callbacks:
        objective = getattr(callback, "objective", None)
        # Several at once are a name of their own, over a list.
        for each in getattr(objective, "objectives", None) or [objective]:
            name = getattr(each, "name", "default_objective")
            if name != "default_objective":
                check_objective(name, validation)


def _by_name(backbones):
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
