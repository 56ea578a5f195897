"""Measures a model on data: loss, metrics, recall of each class."""

import numpy as np


def metrics_of(model, data, prefix=""):
    """Returns what Keras measures on data, as floats by name."""
    logs = model.evaluate(data, verbose=0, return_dict=True)
    return {f"{prefix}{name}": float(x) for name, x in logs.items()}


def evaluate(model, batches):
    """Evaluates a model and, for a softmax, each class on its own.

    Args:
        model: a compiled `TransferModel`.
        batches: `SeededBatches` that are not shuffled.

    Returns:
        Dict with what Keras logs and `num_samples`; for a softmax also
        `confusion` (rows are the true classes) and `recall` by name.
    """
    result = metrics_of(model, batches)
    result["num_samples"] = batches.num_samples
    if getattr(model.head, "activation", None) != "softmax":
        return result
    labels = np.asarray(batches.read_labels()).reshape(-1)
    predicted = model.predict(batches, verbose=0).argmax(axis=-1)
    matrix = np.zeros((model.output_shape[-1],) * 2, int)
    np.add.at(matrix, (labels.astype(int), predicted), 1)
    counts = np.maximum(matrix.sum(axis=1), 1)
    recall = (matrix.diagonal() / counts).tolist()
    names = model.class_names or range(len(recall))
    result["confusion"] = matrix.tolist()
    result["recall"] = dict(zip(map(str, names), recall, strict=True))
    return result


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
