"""What is wrong with labels: their kind, shape and range, by the loss."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from keras_transfer._private.types import Nested
from keras_transfer.data.nested import rows_not_finite
from keras_transfer.losses import SmoothedCrossentropy

_SPARSE = "sparse_categorical_crossentropy"
_ONE_HOT = "categorical_crossentropy"
_CLASSES = {_ONE_HOT, "categorical_focal_crossentropy", "kl_divergence"}
_SHARES = {"binary_crossentropy", "binary_focal_crossentropy"}
_NUMBERS = {
    *("mean_squared_error", "mean_absolute_error", "huber", "log_cosh"),
    *("mean_absolute_percentage_error", "mean_squared_logarithmic_error"),
    *("poisson", "cosine_similarity"),
}
_MAP_HEAD = (
    "The head gives one output for each position of a feature map, not for "
    "each sample. Received: outputs of shape {output} and labels of shape "
    "{labels}. Use ClassificationHead or RegressionHead, which pool the map, "
    "or put keras.layers.GlobalAveragePooling2D before the layer."
)


def check_labels(y: Nested, model: keras.Model) -> None:
    """Raises if labels do not fit the head or the loss of a model.

    Args:
        y: labels of some samples, nested as the model's outputs.
        model: a model; nothing is checked of one that is not compiled.

    Raises:
        ValueError: words, NaN, another shape, values out of range.
    """
    if y is None or not getattr(model, "compiled", False):
        return
    labels, losses = keras.tree.flatten(y), _losses(model)
    outputs = _output_shapes(model)
    if not len(labels) == len(losses) == len(outputs):
        return
    for each, loss, shape in zip(labels, losses, outputs, strict=True):
        if each is not None and loss is not None:
            _check(np.asarray(each), loss, shape)


def _output_shapes(model: keras.Model) -> list[tuple[int | None, ...]]:
    shape = model.output_shape
    if isinstance(shape, dict):
        return list(shape.values())
    return shape if isinstance(shape, list) else [shape]


def _losses(model: keras.Model) -> list:
    """The losses of a model by output; several as a list or by name."""
    loss = model.loss
    if isinstance(loss, dict):
        names = getattr(model, "output_names", None) or loss
        return [loss.get(name) for name in names]
    return list(loss) if isinstance(loss, (list, tuple)) else [loss]


def loss_name(loss: str | keras.losses.Loss | Callable | None) -> str | None:
    """The snake-case name of a loss given as a string, object or function."""
    if isinstance(loss, SmoothedCrossentropy):
        return _SPARSE
    if isinstance(loss, (str, keras.losses.Loss)) or callable(loss):
        loss = keras.losses.get(loss)
        # The object of a loss holds its function.
        return getattr(getattr(loss, "fn", loss), "__name__", None)
    return None


def _check(
    y: np.ndarray,
    loss: str | keras.losses.Loss | Callable,
    output: tuple[int | None, ...],
) -> None:
    name = loss_name(loss)
    if name not in {_SPARSE, *_CLASSES, *_SHARES, *_NUMBERS}:
        # A loss of one's own may mean anything by its labels.
        return
    if y.dtype.kind not in "fiub":
        _refuse_words(y, name, output)
    if name == _SPARSE:
        _check_integers(y, output, getattr(loss, "ignore_class", None))
        return
    if name in _CLASSES and (y.ndim < 2 or y.shape[-1] != output[-1]):
        raise ValueError(
            "categorical_crossentropy takes one-hot labels. Received: labels "
            f"of shape {y.shape}. Expected (batch, {output[-1]}). For "
            f"integer labels compile with loss='{_SPARSE}'."
        )
    _check_shape(y, output)
    if name in _NUMBERS:
        _check_numbers(y)
    else:
        _check_shares(y)


def _refuse_words(
    y: np.ndarray, name: str, output: tuple[int | None, ...]
) -> None:
    first = y.flat[0] if y.size else None
    remedy = "Convert them to numbers, for example labels.astype('float32')."
    if isinstance(first, (str, bytes)):
        remedy = (
            "Number them: names, labels = np.unique(labels, "
            "return_inverse=True)."
            if name == _SPARSE
            else "Convert them to numbers."
        )
    raise ValueError(
        f"The labels do not fit the head. Received: {first!r} of type "
        f"{y.dtype}. Expected numbers for {output[-1]} outputs. {remedy}"
    )


def _check_integers(
    y: np.ndarray, output: tuple[int | None, ...], ignored: int | None
) -> None:
    num_classes: Any = output[-1]
    if y.ndim == 2 and y.shape[1] == num_classes and num_classes > 1:
        raise ValueError(
            f"{_SPARSE} takes integer labels. Received: one-hot labels of "
            f"shape {y.shape}. Either pass np.argmax(labels, axis=-1), or "
            f"compile with loss='{_ONE_HOT}'."
        )
    _check_shape(y, (*output[:-1], 1))
    bad = y[(y < 0) | (y >= num_classes) | (y != np.floor(y))]
    if ignored is not None:
        bad = bad[bad != ignored]
    if bad.size:
        raise ValueError(
            "The labels do not fit the head. Received: label "
            f"{_shown(bad, num_classes)}, while the head has {num_classes} "
            "classes. Expected whole numbers from 0 to "
            f"{num_classes - 1}. {_remedy(y, num_classes)}"
        )


def _shown(bad: np.ndarray, num_classes: int) -> float:
    # What lies out of range at the top tells most.
    above = bad[bad >= num_classes]
    return above.max() if above.size else bad.flat[0]


def _remedy(y: np.ndarray, num_classes: int) -> str:
    if np.isnan(y).any() or y.min() < 0:
        return "Leave samples without a label out."
    if y.min() == 1 and y.max() == num_classes:
        return "These are numbered from 1: pass labels - 1."
    return "Number the classes from 0, or build the model with a larger head."


def _check_shape(y: np.ndarray, output: tuple[int | None, ...]) -> None:
    """Raises unless labels are one value (or row) an output."""
    wanted, shape = list(output[1:]), list(y.shape[1:])
    if wanted[-1:] == [1] and len(shape) == len(wanted) - 1:
        wanted = wanted[:-1]
    fits = len(wanted) == len(shape) and all(
        a is None or a == b for a, b in zip(wanted, shape, strict=True)
    )
    if fits:
        return
    if len(output) > 2 and y.ndim < len(output) - (output[-1] == 1):
        raise ValueError(_MAP_HEAD.format(output=output, labels=y.shape))
    expected = ", ".join(map(str, ["batch", *output[1:]]))
    raise ValueError(
        "The labels do not have the shape of the outputs. Received: labels of "
        f"shape {y.shape}. Expected ({expected}), a value for each output. "
        "Build the head with that many outputs, or reshape the labels."
    )


def _check_numbers(y: np.ndarray) -> None:
    bad = rows_not_finite(y)
    if bad.size:
        raise ValueError(
            "The labels hold values that are not numbers. Received: NaN or "
            f"infinity in {bad.size} of {len(y)} samples, first in sample "
            f"{bad[0]}. Expected finite numbers. Leave these samples out."
        )


def _check_shares(y: np.ndarray) -> None:
    """Raises unless labels are probabilities: 0, 1 or between."""
    _check_numbers(y)
    if not y.size or (y.min() >= 0 and y.max() <= 1):
        return
    values = np.unique(y)
    remedy = "Divide or shift them to 0 and 1."
    if set(values) <= {-1, 1}:
        remedy = "Pass (labels + 1) / 2."
    elif set(values) <= {1, 2}:
        remedy = "Pass labels - 1."
    elif set(values) <= {0, 255}:
        remedy = "Pass labels / 255."
    elif set(values) <= {-1, 0, 1}:
        remedy = (
            "If -1 stands for 'uncertain', leave these samples out or decide "
            "for 0 or 1."
        )
    raise ValueError(
        "The labels do not fit the head. Received: labels from "
        f"{y.min():g} to {y.max():g}. Expected values in 0..1, 0 for no and 1 "
        f"for yes. {remedy}"
    )
