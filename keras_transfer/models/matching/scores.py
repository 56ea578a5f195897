"""Scores of classes: before the last activation, one for each class."""

import keras
from keras import ops

from keras_transfer._private.types import Tensor

# What scores can be read before.
ACTIVATIONS = ("softmax", "sigmoid", "linear")


def num_scores(num_outputs: int, activation: str) -> int:
    """Returns how many scores a model of so many outputs has.

    One sigmoid tells two classes apart.
    """
    return 2 if _is_pair(num_outputs, activation) else num_outputs


def of_classes(logits: Tensor, activation: str) -> Tensor:
    """Returns logits with one score for each class.

        softmax([0, z])[1] = 1 / (1 + exp(-z)) = sigmoid(z)

    so the two scores of one sigmoid are 0 and its logit.

    Args:
        logits: `(batch, outputs)`.
        activation: name of the activation that follows them.
    """
    if not _is_pair(logits.shape[-1], activation):
        return logits
    return ops.concatenate([ops.zeros_like(logits), logits], axis=-1)


def before(outputs: Tensor, activation: str) -> Tensor:
    """Returns the logits that a softmax or a sigmoid has made outputs of.

    Those of a softmax up to a constant, which changes nothing. In float32;
    probabilities below 1e-7 count as that.

    Args:
        outputs: probabilities, `(batch, outputs)`.
        activation: `"softmax"` or `"sigmoid"`.
    """
    least = keras.config.epsilon()
    outputs = ops.cast(outputs, "float32")
    logs = ops.log(ops.maximum(outputs, least))
    if activation == "softmax":
        return logs
    return logs - ops.log(ops.maximum(1.0 - outputs, least))


def _is_pair(num_outputs: int, activation: str) -> bool:
    return activation == "sigmoid" and num_outputs == 1
