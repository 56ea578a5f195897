"""What all distances between features have in common."""

import math
import re
from collections.abc import Iterable

import keras
import numpy as np
from keras import ops

from keras_transfer._private.types import Dtype, Shape, Tensor

# What has to agree besides the number of samples, and what is compared then.
AGREE = {
    "shape": "positions and channels",
    "space": "positions; the channels may differ",
    "channels": "channels; the positions may differ",
    "batch": "nothing else",
}


class FeatureLoss(keras.losses.Loss):
    """A distance between source features and target features, per sample.

    `y_true` are the source's features and `y_pred` the target's, both
    `(batch, ..., channels)`: `(batch, height, width, channels)` of images,
    `(batch, time, features)` of sequences or `(batch, features)`. Gives one
    float32 number a sample, so that every `reduction` and any
    `sample_weight` of Keras work, and replicas add up to one device. No
    gradient flows into `y_true`.

    Subclasses say in `agree` what the two shapes must have in common, and
    implement `distance(source, target)`.

    Args:
        reduction: as in `keras.losses.Loss`.
        name: name of the loss; by default that of the class.
        dtype: as in `keras.losses.Loss`.

    Raises:
        ValueError: shapes that do not agree, however well they broadcast.
    """

    agree = "shape"
    # Whether `FeatureMatchingLoss` may bring the features to one scale.
    _takes_any_scale = True

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Dtype | None = None,
    ):
        super().__init__(name=name or _snake(type(self)), reduction=reduction,
                         dtype=dtype)  # fmt: skip

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: '{self.name}'>"

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        check_shapes(self, y_true.shape, y_pred.shape)
        return self.distance(ops.stop_gradient(y_true), y_pred)

    def distance(self, source: Tensor, target: Tensor) -> Tensor:
        """Returns the distance of each sample, `(batch,)`.

        Args:
            source: the source's features, `(batch, ..., channels)`.
            target: the target's, of a shape that agrees.
        """
        raise NotImplementedError


class BatchCoupledLoss(FeatureLoss):
    """A distance between the batches, not between two samples.

    How the samples lie relative to each other is compared, so it is one
    number for a batch (under `tf.distribute` for a replica's batch, and then
    not the number of a single device), and samples have no weights.

    Raises:
        ValueError: sample weights that are not all the same.
    """

    agree = "batch"

    def __call__(
        self,
        y_true: Tensor,
        y_pred: Tensor,
        sample_weight: Tensor | None = None,
    ) -> Tensor:
        weight = one_weight(self, sample_weight)
        return super().__call__(y_true, y_pred) * weight


def one_weight(loss: keras.losses.Loss, sample_weight: Tensor | None) -> float:
    """Returns the one weight that all samples have, 1 if there is none."""
    if sample_weight is None:
        return 1.0
    try:
        weights = np.asarray(ops.convert_to_numpy(sample_weight))
    except Exception:  # Every backend has its own error for a traced tensor.
        weights = None
    if (
        weights is not None
        and weights.size
        and (weights == weights.flat[0]).all()
    ):
        return float(weights.flat[0])
    received = (
        "weights that are known only when training runs"
        if weights is None
        else f"weights from {weights.min():g} to {weights.max():g}"
    )
    raise ValueError(
        f"'{loss.name}' compares whole batches, so its samples cannot have "
        f"weights of their own. Received: {received}. Leave sample_weight (and "
        "class_weight) out, or take a distance per sample: 'mse', 'cosine', "
        "'attention', 'gram', 'nst'."
    )


def check_shapes(
    loss: FeatureLoss,
    source: Iterable[int | None],
    target: Iterable[int | None],
) -> None:
    """Raises if two shapes of features do not have in common what they must."""
    source, target = tuple(source), tuple(target)
    fits = (
        len(source) >= 2 and len(target) >= 2 and _same(source[:1], target[:1])
    )
    if loss.agree in ("shape", "space"):
        fits = fits and _same(source[1:-1], target[1:-1])
    if loss.agree in ("shape", "channels"):
        fits = fits and _same(source[-1:], target[-1:])
    if not fits:
        raise ValueError(
            f"'{loss.name}' compares features that have the same number of "
            f"samples and the same {AGREE[loss.agree]}, the channels last. "
            f"Received: source features {source}, target features {target}. "
            "A FeatureAdapter brings the target's features to another shape."
        )


def _same(a: Shape, b: Shape) -> bool:
    return len(a) == len(b) and all(
        x is None or y is None or x == y for x, y in zip(a, b, strict=True)
    )


def as_vectors(x: Tensor) -> Tensor:
    """`(batch, ..., channels)` to `(batch, everything)`."""
    known = None not in x.shape[1:]
    return ops.reshape(
        x, (-1, math.prod(x.shape[1:])) if known else (ops.shape(x)[0], -1)
    )


def as_positions(x: Tensor) -> Tensor:
    """`(batch, ..., channels)` to `(batch, positions, channels)`."""
    known = None not in x.shape[1:-1]
    positions = math.prod(x.shape[1:-1]) if known else -1
    return ops.reshape(x, (ops.shape(x)[0], positions, x.shape[-1]))


def unit_length(x: Tensor, axis: int) -> Tensor:
    """Divides by the Euclidean length; zero stays zero."""
    squares = ops.sum(ops.square(x), axis=axis, keepdims=True)
    return x / ops.sqrt(ops.maximum(squares, 1e-12))


def squared_distances(a: Tensor, b: Tensor) -> Tensor:
    """Squared Euclidean distances between the rows of two matrices."""
    squares = (
        ops.sum(ops.square(a), axis=1)[:, None]
        + ops.sum(ops.square(b), axis=1)[None, :]
        - 2.0 * ops.matmul(a, ops.transpose(b))
    )
    return ops.maximum(squares, 0.0)


def _snake(kind: type) -> str:
    return re.sub("([A-Z])", r"_\1", kind.__name__).lower().lstrip("_")
