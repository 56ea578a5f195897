"""`compile("auto")`: optimizer, loss and metrics from the head alone."""

import keras

from keras_transfer import graph
from keras_transfer._private.types import Nested
from keras_transfer.layers import RegressionHead
from keras_transfer.storage.printing import note

_BY_ACTIVATION = {
    "softmax": ("sparse_categorical_crossentropy", "accuracy"),
    "sigmoid": ("binary_crossentropy", "binary_accuracy"),
}


def choose_loss(head: keras.layers.Layer) -> tuple[str, str]:
    """Returns `(loss, metric)` names that fit what the head puts out.

    Args:
        head: the head layer of a model.

    Returns:
        A pair of names that `compile` takes.

    Raises:
        ValueError: the head is a layer that says nothing about its output.
    """
    if isinstance(head, RegressionHead):
        return ("mean_squared_error", "mean_absolute_error")
    name = graph.activation_of(head)
    if name in _BY_ACTIVATION:
        return _BY_ACTIVATION[name]
    raise ValueError(
        "compile('auto') picks the loss from the head, and this head does not "
        f"say what it puts out. Received: {type(head).__name__} "
        f"'{getattr(head, 'name', '')}'. Expected a ClassificationHead, a "
        "RegressionHead or a layer that ends in a softmax or a sigmoid. "
        "Otherwise name them: compile(optimizer, loss=..., metrics=[...])."
    )


def complete_arguments(
    head: keras.layers.Layer, loss: Nested, metrics: Nested
) -> tuple[keras.optimizers.Optimizer, Nested, Nested]:
    """Fills in what `compile` was not told, and prints what was picked.

    Args:
        head: the head layer of a model.
        loss: a loss, or `None` to pick one.
        metrics: metrics, or `None` to pick one.

    Returns:
        `(optimizer, loss, metrics)` for `keras.Model.compile`.
    """
    if loss is None:
        loss, metric = choose_loss(head)
        metrics = [metric] if metrics is None else metrics
    optimizer = keras.optimizers.Adam(1e-3)
    note(
        f"compile('auto'): optimizer Adam(0.001), loss {loss}, "
        f"metrics {metrics}"
    )
    return optimizer, loss, metrics
