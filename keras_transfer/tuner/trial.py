"""One trial of a search: a backbone with a head, trained in two phases."""

import dataclasses
import math

import keras
import numpy as np

from keras_transfer.callbacks import FreezingScheduler
from keras_transfer.data.adapters import adapt
from keras_transfer.feature_cache import boundary_at, reasons_not_to_cache
from keras_transfer.layers import ClassificationHead
from keras_transfer.losses import SmoothedCrossentropy
from keras_transfer.models import TransferModel
from keras_transfer.recipes.training import statistics_callbacks
from keras_transfer.training import schedules
from keras_transfer.training.freezing import set_trainable_depth
from keras_transfer.training.layerwise_optimizer import LayerwiseOptimizer
from keras_transfer.training.regularizers import L2SP


@dataclasses.dataclass(frozen=True)
class Settings:
    """One choice of each hyperparameter; the default where none is searched."""

    backbone: str
    hidden_units: int = 0
    dropout: float = 0.0
    pooling: str = "avg"
    label_smoothing: float = 0.0
    augmentation: float = 0.0
    optimizer: str = "adam"
    weight_decay: float = 0.0
    learning_rate: float = 1e-3
    batch_size: int = 32
    fine_tuned_share: float = 0.0
    fine_tuning_rate: float = 1e-4
    layer_decay: float = 1.0
    gradual: bool = False
    l2sp: float = 0.0


def build(settings, backbone, num_classes, *, input_shape, weights, seed):
    """Returns a compiled `TransferModel`.

    Seeds the generators of Python, NumPy and the backend, so that a trial can
    be repeated.

    Args:
        settings: the `Settings`.
        backbone: as in `TransferModel`; a model is copied.
        num_classes: number of classes.
        input_shape: as in `TransferModel`.
        weights: as in `TransferModel`.
        seed: seed of the head's weights and of what layers draw.
    """
    keras.utils.set_random_seed(seed)
    hidden = (settings.hidden_units,) if settings.hidden_units else ()
    model = TransferModel(
        backbone,
        ClassificationHead(
            num_classes,
            hidden_units=hidden,
            dropout=settings.dropout,
            pooling=settings.pooling,
            name="head",
        ),
        input_shape=input_shape,
        weights=weights,
        augmentation=_augmentation(settings.augmentation),
    )
    loss = "sparse_categorical_crossentropy"
    if settings.label_smoothing:
        loss = SmoothedCrossentropy(settings.label_smoothing)
    model.compile(
        _optimizer(settings),
        loss,
        metrics=["accuracy"],
        regularizer=L2SP(settings.l2sp, 0.0) if settings.l2sp else None,
    )
    return model


def train(
    settings,
    model,
    x,
    y=None,
    *,
    epochs,
    head_epochs,
    callbacks=(),
    feature_cache=None,
    **options,
):
    """Trains what `build` has returned in both phases, in one `fit`.

    Args:
        settings: the `Settings`.
        model: the model.
        x: training data, as in `TransferModel.fit`.
        y: labels, for arrays.
        epochs: epochs of both phases together.
        head_epochs: epochs of the first phase.
        callbacks: callbacks of `fit`.
        feature_cache: as in `fit`; a model that augments does not use it.
        **options: the other arguments of `TransferModel.fit`, its `seed` too.

    Returns:
        A `keras.callbacks.History`.

    Raises:
        ValueError: a batch is larger than the data.
        FloatingPointError: the loss became NaN.
    """
    x, options = _in_batches(x, settings.batch_size, options)
    history = model.fit(
        x,
        y,
        epochs=epochs,
        # First, so that what others save is what trained.
        callbacks=[
            *_phases(settings, model, epochs, head_epochs),
            *statistics_callbacks(model, x),
            keras.callbacks.TerminateOnNaN(),
            *callbacks,
        ],
        feature_cache=None if settings.augmentation else feature_cache,
        **options,
    )
    losses = history.history.get("loss", [])
    if not np.isfinite(losses).all():
        raise FloatingPointError(
            f"The loss is not a number in epoch {len(losses)}: the rates are "
            "too high for it."
        )
    return history


def reasons_to_run_all(settings, model, x, views=1):
    """Returns why a trial cannot use kept features, as sentences.

    Args:
        settings: the `Settings`.
        model: what `build` has returned.
        x: training data.
        views: how many versions of each sample would be kept.
    """
    depth = 0 if settings.fine_tuned_share else model.trainable_depth
    if depth == len(model.blocks):
        return []
    before = model.trainable_depth
    set_trainable_depth(model, depth)
    try:
        return reasons_not_to_cache(
            boundary_at(model, depth),
            views=views,
            inputs=next(iter(adapt(x).inputs(1)), None),
        )
    finally:
        set_trainable_depth(model, before)


def _phases(settings, model, epochs, head_epochs):
    """The callbacks that begin the second phase."""
    if not settings.fine_tuned_share:
        return []
    blocks = max(1, round(settings.fine_tuned_share * len(model.blocks)))
    if settings.gradual:
        left = max(1, epochs - head_epochs)
        step = max(1, -(-blocks // left))
        schedule = schedules.GradualUnfreezing(head_epochs, 1, step, blocks)
    else:
        schedule = schedules.PiecewiseUnfreezing([head_epochs], [0, blocks])
    return [
        FreezingScheduler(schedule),
        FallingRate(head_epochs, epochs, settings.fine_tuning_rate),
    ]


class FallingRate(keras.callbacks.Callback):
    """From an epoch on, a rate that falls along half a cosine to the last one.

        rate(e) = rate * (1 + cos(pi * (e - first) / (epochs - first))) / 2

    Args:
        first: the first epoch with that rate, counted from 0.
        epochs: all epochs of the training.
        rate: the learning rate of the first of these epochs.

    Reference:
        Loshchilov and Hutter 2017, SGDR (without restarts).
    """

    def __init__(self, first, epochs, rate):
        super().__init__()
        self.first, self.epochs, self.rate = first, epochs, rate

    def on_epoch_begin(self, epoch, logs=None):
        if epoch < self.first:
            return
        share = (epoch - self.first) / max(1, self.epochs - self.first)
        falling = (1 + math.cos(math.pi * min(share, 1.0))) / 2
        self.model.optimizer.learning_rate = self.rate * falling


def _augmentation(strength):
    if not strength:
        return None
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


def _optimizer(settings):
    rate = settings.learning_rate
    if settings.optimizer == "adamw":
        optimizer = keras.optimizers.AdamW(
            rate, weight_decay=settings.weight_decay
        )
    elif settings.optimizer == "sgd":
        optimizer = keras.optimizers.SGD(rate, momentum=0.9, nesterov=True)
    else:
        optimizer = keras.optimizers.Adam(rate)
    if settings.layer_decay < 1 and settings.fine_tuned_share:
        optimizer = LayerwiseOptimizer(optimizer, decay=settings.layer_decay)
    return optimizer


def objective_of(objective):
    """Returns the name of an objective, and whether it is to be `"max"`.

    Args:
        objective: a name, or a `keras_tuner.Objective`.

    Returns:
        `(name, "max" or "min")`.

    Raises:
        ValueError: it is neither.
    """
    name = getattr(objective, "name", objective)
    if not isinstance(name, str) or hasattr(objective, "objectives"):
        raise ValueError(
            "`objective` is one name or one keras_tuner.Objective. Received: "
            f"{objective!r}. Several at once: keras_tuner.RandomSearch("
            "hypermodel, objective=[...])."
        )
    is_high = name.endswith("accuracy")
    direction = getattr(objective, "direction", None)
    return name, direction or ("max" if is_high else "min")


def check_batch_size(x, size):
    """Raises if a batch would be larger than the data.

    Args:
        x: training data.
        size: samples a batch.

    Raises:
        ValueError: it is.
    """
    samples = adapt(x).num_samples
    if samples is not None and size > samples:
        raise ValueError(
            f"A batch of {size} is more than the {samples} training samples. "
            "Give the search smaller values of `batch_size`."
        )


def _in_batches(x, size, options):
    """Returns data in batches of that size, and the other options of `fit`.

    Data that come in batches of their own keep these.
    """
    check_batch_size(x, size)
    data = adapt(x)
    if data.holds_arrays:
        return x, options | {"batch_size": size}
    return data.in_batches_of(size), options
