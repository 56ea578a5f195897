"""What a `TransferModel` is put together from."""

import keras
import numpy as np

from keras_transfer import graph, layers
from keras_transfer.training import freezing


def head_layer(head):
    """Returns the head as a layer; a number means that many classes."""
    if isinstance(head, keras.layers.Layer):
        return head
    if isinstance(head, (int, np.integer)) and not isinstance(head, bool):
        return layers.ClassificationHead(int(head), name="head")
    raise ValueError(
        "The head of a TransferModel is a number of classes or a layer. "
        f"Received: head={head!r} (of type {type(head).__name__}). Examples: "
        "head=5, head=ClassificationHead(5, dropout=0.2), "
        "head=RegressionHead(1)."
    )


def preprocessing_layer(preprocessing, source):
    """Returns the layer that turns raw input into what the backbone wants."""
    if isinstance(preprocessing, str) and preprocessing == "auto":
        preprocessing = source.preprocessing
    if isinstance(preprocessing, keras.layers.Layer):
        return preprocessing
    if preprocessing in (None, "none"):
        return keras.layers.Identity(name="preprocessing")
    return layers.ImageNetPreprocessing(preprocessing, name="preprocessing")


def inputs_like(model):
    """Returns inputs for what a model takes, of any batch size."""
    return keras.tree.map_structure(_input_like, model.input)


def _input_like(tensor):
    # Floats in, whatever the images are: an input of type uint8 would turn
    # 0.9 into 0, NaN into 0 and wrap 300 round, without a word.
    is_image = len(tensor.shape) == 4
    return keras.Input(
        batch_shape=(None, *tensor.shape[1:]),
        dtype="float32" if is_image else tensor.dtype,
        name="images" if is_image else tensor.name,
    )


def applied(preprocessing, inputs):
    """Returns the preprocessed input; nested ones pass as they are."""
    if keras.tree.is_nested(inputs):
        return inputs
    return preprocessing(inputs)


def in_training_only(augmentation):
    """Returns the augmentation as a layer that acts in training alone."""
    if isinstance(augmentation, layers.TrainingOnly):
        return augmentation
    return layers.TrainingOnly(augmentation, name="augmentation")


def described(source):
    """Returns what of a source is kept in the model's config."""
    kept = ("name", "min_size", "input_shape", "pretrained")
    return {name: getattr(source, name) for name in kept}


def initial_freeze_state(source, head, train_batch_norm, name):
    """Returns the `FreezeState` with which a model begins."""
    if train_batch_norm not in ("auto", True, False):
        raise ValueError(
            f"TransferModel '{name}' got an unknown train_batch_norm. "
            f"Received: {train_batch_norm!r}. Expected 'auto', True or False."
        )
    if train_batch_norm == "auto":
        train_batch_norm = not source.pretrained
    blocks = graph.blocks(source.model)
    depth = 0 if source.pretrained else len(blocks)
    return freezing.FreezeState(blocks, [head], depth, bool(train_batch_norm))
