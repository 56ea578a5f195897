"""What a SavedModel gives: scores and names, each with a batch axis."""

import keras

from keras_transfer._private.types import Nested, Tensor
from keras_transfer.serving.predictions import is_pair


def named_outputs(
    values: Nested,
    activations: dict[str, str],
    names: dict[str, list[str] | None],
) -> dict[str, Tensor]:
    """Returns a model's output as the dict that is served.

    Args:
        values: the output, nested as the model's.
        activations: the last activation of each output, by name.
        names: the class names of each output, or `None`, by name.

    Returns:
        A dict of tensors with the batch as their first axis. Of several
        outputs each key begins with the name of its output.
    """
    found = {
        output: _named(tensor, activation, names[output])
        for (output, activation), tensor in zip(
            activations.items(), keras.tree.flatten(values), strict=True
        )
    }
    if len(found) == 1:
        return found.popitem()[1]
    return {
        f"{output}_{key}": tensor
        for output, served in found.items()
        for key, tensor in served.items()
    }


def _named(
    values: Tensor, activation: str, names: list[str] | None
) -> dict[str, Tensor]:
    import tensorflow as tf

    num_outputs = values.shape[-1]
    if is_pair(activation, num_outputs, names):
        values = tf.concat([1 - values, values], axis=-1)
        activation = "softmax"
    if activation == "softmax":
        names = names or _numbers(num_outputs)
        return {
            "scores": values,
            "label": tf.gather(tf.constant(names), tf.argmax(values, axis=-1)),
            "score": tf.reduce_max(values, axis=-1),
        }
    if activation == "sigmoid":
        names = names or _numbers(num_outputs)
        return {"scores": values, "labels": _in_each_row(names, values)}
    served = {"values": values}
    return served | ({"labels": _in_each_row(names, values)} if names else {})


def _numbers(count: int) -> list[str]:
    return [str(index) for index in range(count)]


def _in_each_row(names: list[str], values: Tensor) -> Tensor:
    """The names of the columns, once a row: servers split all outputs."""
    import tensorflow as tf

    return tf.broadcast_to(tf.constant(names), tf.shape(values))
