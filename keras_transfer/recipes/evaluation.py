"""Measures a model on data: loss, metrics, recall of each class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import ops

from keras_transfer._private.types import Data
from keras_transfer.data import look
from keras_transfer.data.adapters import adapt
from keras_transfer.data.batches import ArrayBatches
from keras_transfer.data.nested import (
    as_tuple,
    concatenated,
    integer_labels,
)
from keras_transfer.recipes.training import has_room
from keras_transfer.transferability.paired_difference import interval_of_share

if TYPE_CHECKING:
    from keras_transfer.data.seeded_batches import SeededBatches
    from keras_transfer.models.transfer.transfer_model import TransferModel


def metrics_of(
    model: keras.Model, data: Data, prefix: str = ""
) -> dict[str, float]:
    """Returns what Keras measures on data, as floats by name."""
    logs = model.evaluate(data, verbose=0, return_dict=True)
    return {f"{prefix}{name}": float(x) for name, x in logs.items()}


def evaluate(
    model: TransferModel, batches: SeededBatches, *, mistakes: bool = False
) -> dict[str, Any]:
    """Evaluates a model and, for a softmax, each class on its own.

    Each sample is read once if all of them fit into memory.

    Args:
        model: a compiled `TransferModel`.
        batches: `SeededBatches` that are not shuffled.
        mistakes: whether a softmax names the samples that it gets wrong.

    Returns:
        Dict with what Keras logs and `num_samples`. Beside the loss stands
        `loss_error`, its standard error, and beside an accuracy
        `accuracy_interval`, its 95 % interval (Wilson). For a softmax also
        `confusion` (rows are the true classes), `recall` by name and
        `balanced_accuracy`, the mean recall of the classes that there are, and
        `wrong` on demand: `number`, `label`, `predicted` and `score` of each
        sample that was, the surest first.
    """
    batches = _kept(batches)
    batches = adapt(batches).looked_at(model).data
    with look.done():
        result: dict[str, Any] = metrics_of(model, batches)
        values = model.predict(batches, verbose=0)
    labels = np.asarray(batches.read_labels())
    result["num_samples"] = batches.num_samples
    result |= _loss_error(model, labels, values) | _intervals(model, result)
    if getattr(model.head, "activation", None) == "softmax":
        labels = labels.reshape(-1).astype(int)
        result |= _by_class(model, labels, values)
        if mistakes:
            result["wrong"] = _wrong(model, labels, values)
    return result


def recall_by_class(
    model: TransferModel, batches: SeededBatches
) -> dict[str, float]:
    """Returns the recall of each class that there are samples of, by name."""
    scores = model.predict(batches, verbose=0)
    labels = integer_labels(np.asarray(batches.read_labels())).reshape(-1)
    found = _by_class(model, labels.astype(int), scores)
    return {
        name: recall
        for (name, recall), row in zip(
            found["recall"].items(), found["confusion"], strict=True
        )
        if sum(row)
    }


def _intervals(
    model: TransferModel, result: dict[str, Any]
) -> dict[str, tuple[float, float]]:
    """The interval of a share of right answers, one a sample."""
    names = ["accuracy"]
    if model.output_shape[-1] == 1:
        names.append("binary_accuracy")
    return {
        f"{name}_interval": interval_of_share(
            result[name], result["num_samples"]
        )
        for name in names
        if name in result
    }


def _loss_error(
    model: TransferModel, labels: np.ndarray, values: np.ndarray
) -> dict[str, float]:
    """The standard error of the mean loss, if each sample has a loss."""
    if isinstance(model.loss, (dict, list)) or len(labels) < 2:
        return {}
    loss = keras.losses.get(model.loss)
    # Without the mean over the batch that calling it would take.
    loss = loss.call if isinstance(loss, keras.losses.Loss) else loss
    if labels.size == values.size:
        labels = labels.reshape(values.shape)
    losses = loss(*map(ops.convert_to_tensor, (labels, values)))
    losses = ops.convert_to_numpy(losses)
    if losses.shape[:1] != labels.shape[:1]:
        # A function of one's own may take the mean itself.
        return {}
    losses = losses.reshape(len(labels), -1).mean(axis=1)
    error = losses.std(ddof=1) / np.sqrt(len(labels))
    return {"loss_error": float(error)}


def _by_class(
    model: TransferModel, labels: np.ndarray, scores: np.ndarray
) -> dict[str, Any]:
    """Which classes are taken for which."""
    matrix = np.zeros((model.output_shape[-1],) * 2, int)
    np.add.at(matrix, (labels, scores.argmax(axis=-1)), 1)
    counts = matrix.sum(axis=1)
    recall = (matrix.diagonal() / np.maximum(counts, 1)).tolist()
    return {
        "balanced_accuracy": float(np.mean(np.array(recall)[counts > 0])),
        "confusion": matrix.tolist(),
        "recall": dict(zip(_names(model), recall, strict=True)),
    }


def _wrong(
    model: TransferModel, labels: np.ndarray, scores: np.ndarray
) -> list[dict[str, Any]]:
    names, predicted = _names(model), scores.argmax(axis=-1)
    best = scores.max(axis=-1)
    numbers = np.flatnonzero(predicted != labels)
    return [
        {
            "number": int(number),
            "label": names[labels[number]],
            "predicted": names[predicted[number]],
            "score": float(best[number]),
        }
        for number in numbers[np.argsort(-best[numbers], kind="stable")]
    ]


def _names(model: TransferModel) -> list[str]:
    names = model.class_names or range(model.output_shape[-1])
    return [str(name) for name in names]


def _kept(batches: SeededBatches) -> SeededBatches:
    """The same samples in memory, read once, if there is room for them."""
    first = as_tuple(batches[0])
    arrays = [leaf for leaf in keras.tree.flatten(first) if leaf is not None]
    needed = sum(leaf.nbytes for leaf in arrays) * len(batches)
    if not has_room(4 * needed):
        return batches
    found = [first, *(as_tuple(batches[i]) for i in range(1, len(batches)))]
    return ArrayBatches(
        *concatenated(found), batch_size=batches.batch_size, shuffle=False
    )


def gap_warning(metrics: dict[str, Any]) -> str | None:
    """Says so if a test set is much harder than the validation data.

    Args:
        metrics: `validation` and `test`, each as `evaluate` returns it.

    Returns:
        A sentence, or `None`: accuracies fewer than four standard errors, or
        0.1, apart, and a test loss less than two of them, or a half, above
        that of validation.
    """
    parts = [metrics.get(name, {}) for name in ("validation", "test")]
    return _accuracy_gap(*parts) or _loss_gap(*parts)


def _accuracy_gap(*parts: dict[str, Any]) -> str | None:
    if not all("accuracy" in part for part in parts):
        return None
    held_out, test = (part["accuracy"] for part in parts)
    error = sum(
        part["accuracy"] * (1 - part["accuracy"]) / part["num_samples"]
        for part in parts
    )
    if held_out - test < max(0.1, 4 * error**0.5):
        return None
    return (
        f"the test set is far harder than the validation data: accuracy "
        f"{test:.3f} against {held_out:.3f}. It is probably of another kind "
        "(other cameras, places, styles); validation then says little about "
        "it. Add labelled samples of that kind to train and validation."
    )


def _loss_gap(*parts: dict[str, Any]) -> str | None:
    if not all("loss_error" in part for part in parts):
        return None
    held_out, test = (part["loss"] for part in parts)
    error = np.hypot(*(part["loss_error"] for part in parts))
    if test - held_out < 2 * error or test < 1.5 * held_out:
        return None
    return (
        f"the test loss is far above the validation loss: {test:.3f} against "
        f"{held_out:.3f} on {parts[0]['num_samples']} samples. Go by the test "
        "set: the model was chosen by validation, or the test set is of "
        "another kind. More samples held out for validation tell which."
    )
