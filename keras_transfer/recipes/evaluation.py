"""Measures a model on data: loss, metrics, recall of each class."""

import keras
import numpy as np

from keras_transfer.data import look
from keras_transfer.data.adapters import adapt
from keras_transfer.data.batches import ArrayBatches
from keras_transfer.data.nested import as_tuple, concatenated
from keras_transfer.recipes.training import has_room


def metrics_of(model, data, prefix=""):
    """Returns what Keras measures on data, as floats by name."""
    logs = model.evaluate(data, verbose=0, return_dict=True)
    return {f"{prefix}{name}": float(x) for name, x in logs.items()}


def evaluate(model, batches, *, mistakes=False):
    """Evaluates a model and, for a softmax, each class on its own.

    Each sample is read once if all of them fit into memory.

    Args:
        model: a compiled `TransferModel`.
        batches: `SeededBatches` that are not shuffled.
        mistakes: whether a softmax names the samples that it gets wrong.

    Returns:
        Dict with what Keras logs and `num_samples`; for a softmax also
        `confusion` (rows are the true classes) and `recall` by name, and
        `wrong` on demand: `number`, `label`, `predicted` and `score` of each
        sample that was, the surest first.
    """
    batches = _kept(batches)
    adapt(batches).looked_at(model)
    with look.done():
        result = metrics_of(model, batches)
        if getattr(model.head, "activation", None) == "softmax":
            scores = model.predict(batches, verbose=0)
            labels = np.asarray(batches.read_labels()).reshape(-1).astype(int)
            result |= _by_class(model, labels, scores)
            if mistakes:
                result["wrong"] = _wrong(model, labels, scores)
    return result | {"num_samples": batches.num_samples}


def _by_class(model, labels, scores):
    matrix = np.zeros((model.output_shape[-1],) * 2, int)
    np.add.at(matrix, (labels, scores.argmax(axis=-1)), 1)
    counts = np.maximum(matrix.sum(axis=1), 1)
    recall = (matrix.diagonal() / counts).tolist()
    return {
        "confusion": matrix.tolist(),
        "recall": dict(zip(_names(model), recall, strict=True)),
    }


def _wrong(model, labels, scores):
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


def _names(model):
    names = model.class_names or range(model.output_shape[-1])
    return [str(name) for name in names]


def _kept(batches):
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


def gap_warning(metrics):
    """Says so if a test set is much harder than the validation data.

    Args:
        metrics: `validation` and `test`, each as `evaluate` returns it.

    Returns:
        A sentence, or `None`: fewer than four standard errors, or 0.1, apart.
    """
    parts = [metrics.get(name, {}) for name in ("validation", "test")]
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
