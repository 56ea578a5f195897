"""`TransferHyperModel`: what KerasTuner may choose for a transfer."""

import dataclasses

import keras
import keras_tuner
from keras_tuner import errors

from keras_transfer.batches import SeededBatches
from keras_transfer.callbacks import FreezingScheduler
from keras_transfer.feature_cache import as_feature_cache
from keras_transfer.first_batch import are_arrays
from keras_transfer.layers import ClassificationHead
from keras_transfer.losses import SmoothedCrossentropy
from keras_transfer.models import TransferModel
from keras_transfer.optimizers import LayerwiseOptimizer
from keras_transfer.regularizers import L2SP
from keras_transfer.schedules import GradualUnfreezing, PiecewiseUnfreezing
from keras_transfer.search_space import ONLY_WITH, choose, is_open, space_of


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
            Trials with augmentation do not use it.
        head_epochs: epochs of the first phase.
        seed: seed of the order of samples.
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
        head_epochs=3,
        seed=0,
        **options,
    ):
        super().__init__(**options)
        backbones = list(backbones)
        self.num_classes, self.input_shape = num_classes, input_shape
        # KerasTuner chooses among names: a model goes by its own.
        self.backbones = {_name_of(each): each for each in backbones}
        self.space = space_of(space, list(self.backbones))
        self.weights, self.seed = weights, seed
        self.head_epochs = head_epochs
        self.feature_cache = as_feature_cache(feature_cache)
        if self.feature_cache is not None:
            # Every trial asks again for what others have computed.
            self.feature_cache.used_once = False

    def settings(self, hp):
        """Returns what KerasTuner has chosen, as `Settings`."""
        found = {}
        for name, values in self.space.items():
            found[name] = self._chosen(hp, name, values, found)
        return Settings(**found)

    def _chosen(self, hp, name, values, found):
        if name not in ONLY_WITH:
            return choose(hp, name, values)
        parent, matters = ONLY_WITH[name]
        known = self.space[parent]
        if not is_open(known):
            # The parent is settled; nothing of it lies in `hp`.
            fits = matters(found[parent])
            return choose(hp, name, values) if fits else _first(values)
        with hp.conditional_scope(parent, [v for v in known if matters(v)]):
            chosen = choose(hp, name, values)
        return chosen if matters(found[parent]) else _first(values)

    def build(self, hp):
        """Returns a compiled `TransferModel`; called by the tuner."""
        chosen = self.settings(hp)
        augmentation = None
        if chosen.augmentation:
            augmentation = _augmentation(chosen.augmentation)
        model = TransferModel(
            _copied(self.backbones[chosen.backbone]),
            ClassificationHead(
                self.num_classes,
                hidden_units=(
                    (chosen.hidden_units,) if chosen.hidden_units else ()
                ),
                dropout=chosen.dropout,
                pooling=chosen.pooling,
            ),
            input_shape=self.input_shape,
            weights=self.weights,
            augmentation=augmentation,
        )
        loss = "sparse_categorical_crossentropy"
        if chosen.label_smoothing:
            loss = SmoothedCrossentropy(chosen.label_smoothing)
        model.compile(
            _optimizer(chosen),
            loss,
            metrics=["accuracy"],
            regularizer=L2SP(chosen.l2sp, 0.0) if chosen.l2sp else None,
        )
        return model

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
        """
        chosen = self.settings(hp)
        x, options = _in_batches(x, chosen.batch_size, options)
        blocks = round(chosen.fine_tuned_share * len(model.blocks))
        if chosen.fine_tuned_share:
            blocks = max(1, blocks)
        phases = []
        if blocks:
            phases = [
                FreezingScheduler(self._schedule(chosen, blocks, epochs)),
                RateFromEpoch(self.head_epochs, chosen.fine_tuning_rate),
            ]
        cache = None if chosen.augmentation else self.feature_cache
        return model.fit(
            x,
            y,
            epochs=epochs,
            # First, so that what the tuner saves is what trained.
            callbacks=[*phases, *callbacks],
            feature_cache=cache,
            seed=self.seed,
            **options,
        )

    def _schedule(self, chosen, blocks, epochs):
        if not chosen.gradual:
            return PiecewiseUnfreezing([self.head_epochs], [0, blocks])
        epochs = max(1, epochs - self.head_epochs)
        step = max(1, -(-blocks // epochs))
        return GradualUnfreezing(self.head_epochs, 1, step, blocks)


@dataclasses.dataclass(frozen=True)
class Settings:
    """One choice of each hyperparameter."""

    backbone: str
    hidden_units: int
    dropout: float
    pooling: str
    label_smoothing: float
    augmentation: float
    optimizer: str
    weight_decay: float
    learning_rate: float
    batch_size: int
    fine_tuned_share: float
    fine_tuning_rate: float
    layer_decay: float
    gradual: bool
    l2sp: float


class RateFromEpoch(keras.callbacks.Callback):
    """Sets another learning rate from an epoch on.

    Args:
        epoch: the first epoch with that rate, counted from 0.
        rate: the learning rate.
    """

    def __init__(self, epoch, rate):
        super().__init__()
        self.epoch, self.rate = epoch, rate

    def on_epoch_begin(self, epoch, logs=None):
        if epoch >= self.epoch:
            self.model.optimizer.learning_rate = self.rate


def _name_of(backbone):
    return getattr(backbone, "name", None) or str(backbone)


def _copied(backbone):
    """A model of its own for each trial, which may change the weights."""
    if not isinstance(backbone, keras.Model):
        return backbone
    if isinstance(backbone, TransferModel):
        return backbone.clone()
    copy = keras.models.clone_model(backbone)
    copy.set_weights(backbone.get_weights())
    return copy


def _first(values):
    return values[0] if isinstance(values, list | tuple) else values


def _augmentation(strength):
    layers = keras.layers
    return keras.Sequential(
        [
            layers.RandomFlip("horizontal"),
            layers.RandomRotation(strength),
            layers.RandomZoom(strength),
            layers.RandomContrast(strength),
        ],
        name="augmentation",
    )


def _optimizer(chosen):
    made = {
        "adam": lambda rate: keras.optimizers.Adam(rate),
        "adamw": lambda rate: keras.optimizers.AdamW(
            rate, weight_decay=chosen.weight_decay
        ),
        "sgd": lambda rate: keras.optimizers.SGD(
            rate, momentum=0.9, nesterov=True
        ),
    }
    if chosen.optimizer not in made:
        raise errors.FatalValueError(
            f"There is no optimizer {chosen.optimizer!r} to search. Expected "
            f"some of {', '.join(map(repr, made))}."
        )
    optimizer = made[chosen.optimizer](chosen.learning_rate)
    if chosen.layer_decay < 1 and chosen.fine_tuned_share:
        optimizer = LayerwiseOptimizer(optimizer, decay=chosen.layer_decay)
    return optimizer


def _in_batches(x, size, options):
    """Returns data in batches of that size, and the other options of `fit`.

    Data that come in batches of their own keep these.
    """
    samples = None
    if are_arrays(x):
        samples = len(keras.tree.flatten(x)[0])
        options = options | {"batch_size": size}
    elif isinstance(x, SeededBatches):
        samples = x.num_samples
        x = x.in_batches_of(size)
    if samples is not None and size > samples:
        raise errors.FatalValueError(
            f"A batch of {size} is more than the {samples} training samples. "
            "Give the search smaller values of `batch_size`."
        )
    return x, options
