"""The model of a trial."""

import keras

from keras_transfer.layers import ClassificationHead
from keras_transfer.losses import SmoothedCrossentropy
from keras_transfer.models import TransferModel


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
    model.compile("adam", loss, metrics=["accuracy"])
    return model


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
