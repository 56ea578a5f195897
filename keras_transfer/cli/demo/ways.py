"""The ways to a model of the digits 5 to 9 that the demo compares."""

from collections.abc import Callable

import keras
import numpy as np

from keras_transfer._private.types import Tensor
from keras_transfer.cli.demo.digits import SIZE, Samples
from keras_transfer.layers import ClassificationHead
from keras_transfer.models import FeatureMatcher, TransferModel
from keras_transfer.recipes.head_stage import pooled_once, set_head
from keras_transfer.recipes.writers import Row
from keras_transfer.training.freezing import set_trainable_depth
from keras_transfer.transferability.linear_probe import fit_linear_probe

# Test accuracy is read after these epochs, whatever it is there; the first
# and the last are in the table.
EPOCHS = (5, 10, 20, 40)
SOURCE_EPOCHS = 5
# Picked over both numbers of labels on samples that are neither trained on nor
# tested on: from scratch out of 1e-3, 3e-3 and 1e-2, tuning out of the first
# two.
TUNING_RATE, SCRATCH_RATE = 1e-3, 3e-3
# Of another architecture, with a source and without; picked in the same way.
OTHER_RATE, MATCHING_EPOCHS = 1e-2, 30


def source_model(data: Samples) -> keras.Model:
    """A classifier of the digits 0 to 4, trained by plain `fit`."""
    keras.utils.set_random_seed(0)
    body = _network()
    x = keras.layers.GlobalMaxPooling2D(name="pooling")(body.output)
    outputs = keras.layers.Dense(5, activation="softmax", name="classes")(x)
    source = keras.Model(body.input, outputs, name="digit_source")
    _compile(source, 1e-3)
    source.fit(*data, epochs=SOURCE_EPOCHS, batch_size=32, verbose=0)
    return source


def start_model(source: keras.Model) -> TransferModel:
    """The source's backbone, frozen, under a head for five other classes."""
    return TransferModel(source, head=_head())


def fine_tuned(
    start: TransferModel, few: Samples, test: Samples, seed: int
) -> tuple[TransferModel, float, list[float]]:
    """First the head on features that stand still, then everything.

    Args:
        start: what `start_model` gives; it stays as it is.
        few: `(images, labels)` to train on.
        test: `(images, labels)` to test on.
        seed: seed of weights and sample order.

    Returns:
        `(model, linear, curve)`: the model, its test accuracy with the head
        alone, and after each of `EPOCHS`.
    """
    keras.utils.set_random_seed(seed)
    backbone = keras.models.clone_model(start.backbone)
    backbone.set_weights(start.backbone.get_weights())
    model = TransferModel(backbone, head=_head())
    features = pooled_once(model, few, "given", verbose=0)
    set_head(model, fit_linear_probe("softmax", features, None, 5))
    linear = accuracy(model, test)
    set_trainable_depth(model, len(model.blocks))
    return model, linear, _train(model, TUNING_RATE, few, test, seed)


def from_scratch(few: Samples, test: Samples, seed: int) -> list[float]:
    """The same network without what the source has learnt; its curve."""
    return _train(_untrained(_network, seed), SCRATCH_RATE, few, test, seed)


def matched(
    source: TransferModel, images: np.ndarray, test: Samples, seed: int
) -> tuple[float, list[Row]]:
    """Another architecture learns the source's features and scores.

    Args:
        source: a model of the digits 5 to 9.
        images: images without labels.
        test: `(images, labels)` to test on.
        seed: seed of weights and sample order.

    Returns:
        `(accuracy, pairs)`: test accuracy, and for each pair of layers how
        alike its features are on test images before and after.
    """
    model = _untrained(_other_network, seed)
    matcher = FeatureMatcher(
        source=source, target=model, soft_targets=True, task_weight=0
    )
    before = matcher.measure(test[0])
    matcher.compile(keras.optimizers.Adam(OTHER_RATE), jit_compile=False)
    matcher.fit(
        images,
        epochs=MATCHING_EPOCHS,
        batch_size=32,
        feature_cache="memory",
        seed=seed,
        verbose=0,
    )
    after = matcher.measure(test[0])
    pairs = [
        {"source": pair.source.name, "target": pair.target.name,
         "CKA before": old, "CKA after": new}
        for pair, old, new in zip(matcher.pairs, before, after, strict=True)
    ]  # fmt: skip
    return accuracy(model, test), pairs


def other_from_scratch(few: Samples, test: Samples, seed: int) -> float:
    """The other architecture without a source; its test accuracy."""
    model = _untrained(_other_network, seed)
    return _train(model, OTHER_RATE, few, test, seed)[-1]


def accuracy(model: keras.Model, data: Samples) -> float:
    """The share of `(images, labels)` that a model gets right."""
    images, labels = data
    scores = model.predict(images, verbose=0, batch_size=512)
    return float(np.mean(scores.argmax(axis=-1) == labels))


def _network() -> keras.Model:
    """A small network from `(16, 16, 1)` pixels in 0..255 to feature maps."""

    def convolution(x: Tensor, index: int, filters: int) -> Tensor:
        return keras.layers.Conv2D(
            filters, 3, padding="same", activation="relu", name=f"conv{index}"
        )(x)

    return _of_stages(convolution, "digit_net")


def _other_network() -> keras.Model:
    """Twice as deep, of separable convolutions with batch norm."""
    layers = keras.layers

    def convolutions(x: Tensor, index: int, filters: int) -> Tensor:
        for part in "ab":
            x = layers.SeparableConv2D(
                filters, 3, padding="same", use_bias=False,
                name=f"separable{index}{part}",
            )(x)  # fmt: skip
            x = layers.BatchNormalization(
                momentum=0.9, name=f"norm{index}{part}"
            )(x)
            x = layers.ReLU(name=f"relu{index}{part}")(x)
        return x

    return _of_stages(convolutions, "separable_net")


def _of_stages(
    stage: Callable[[Tensor, int, int], Tensor], name: str
) -> keras.Model:
    """A network of three stages, with a pooling between them."""
    inputs = keras.Input((SIZE, SIZE, 1))
    x = keras.layers.Rescaling(1 / 255, name="scale")(inputs)
    for index, filters in enumerate((16, 32, 64)):
        if index:
            x = keras.layers.MaxPooling2D(name=f"pool{index}")(x)
        x = stage(x, index, filters)
    return keras.Model(inputs, x, name=name)


def _untrained(network: Callable[[], keras.Model], seed: int) -> TransferModel:
    keras.utils.set_random_seed(seed)
    return TransferModel(network(), head=_head(), weights=None)


def _head() -> ClassificationHead:
    return ClassificationHead(5, pooling="max", name="head")


def _train(
    model: TransferModel, rate: float, few: Samples, test: Samples, seed: int
) -> list[float]:
    """Trains; returns the test accuracy after each of `EPOCHS`."""
    _compile(model, rate)
    history = model.fit(
        *few,
        batch_size=16,
        epochs=EPOCHS[-1],
        validation_data=test,
        validation_freq=list(EPOCHS),
        validation_batch_size=512,
        seed=seed,
        verbose=0,
    )
    return [float(value) for value in history.history["val_accuracy"]]


def _compile(model: keras.Model, rate: float) -> None:
    model.compile(
        keras.optimizers.Adam(rate),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile=False,
    )
