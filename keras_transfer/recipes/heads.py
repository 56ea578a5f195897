"""The head alone: solved where that is a convex problem, or trained."""

import time

import keras
import numpy as np

from keras_transfer import feature_cache
from keras_transfer.layers import ClassificationHead, RegressionHead
from keras_transfer.transferability.linear_probe import STRENGTHS, solve

# By what the head puts out: the losses whose minimum `probe.solve` finds.
_SOLVED_LOSSES = {
    "softmax": {"sparse_categorical_crossentropy", "categorical_crossentropy"},
    "sigmoid": {"binary_crossentropy"},
    "linear": {"mean_squared_error", "mse"},
}


def solvable_kind(model):
    """Returns what `probe.solve` would call the head, or `None`.

    Args:
        model: a compiled `TransferModel`.

    Returns:
        `"softmax"`, `"sigmoid"` or `"linear"` for a linear head of this
        package under the loss of that name, else `None`.
    """
    kind = convex_kind(model)
    return None if kind is None or model.head.hidden_units else kind


def convex_kind(model):
    """Returns what `probe.score` would call head and loss, or `None`.

    Unlike for `solvable_kind`, the head may have hidden layers.
    """
    head = model.head
    if not isinstance(head, ClassificationHead | RegressionHead):
        return None
    fits = _loss_name(model.loss) in _SOLVED_LOSSES[head.activation]
    return head.activation if fits else None


def _loss_name(loss):
    """A loss that is nothing but its formula, by its name."""
    if isinstance(loss, str):
        return loss
    config = loss.get_config() if isinstance(loss, keras.losses.Loss) else {}
    if config.get("from_logits") or config.get("label_smoothing"):
        return None
    return {
        "SparseCategoricalCrossentropy": "sparse_categorical_crossentropy",
        "CategoricalCrossentropy": "categorical_crossentropy",
        "BinaryCrossentropy": "binary_crossentropy",
        "MeanSquaredError": "mean_squared_error",
    }.get(type(loss).__name__)


def pooled_once(model, batches, name, verbose, **options):
    """Runs the frozen part over a data set once, in inference mode.

    Args:
        model: a `TransferModel` whose head is one of this package.
        batches: what `fit` trains on.
        name: what to call the data in the progress bar.
        verbose: 0 shows no progress.
        **options: `cache` and `through` of `feature_cache.features`.

    Returns:
        `(features, labels)` or `(features, labels, weights)`, arrays.
    """
    found = feature_cache.features(
        model, batches, name=name, verbose=verbose, **options
    )
    return (found.take(found.rows), *found.rest)


def solve_head(
    model,
    train,
    validation,
    best,
    *,
    folds=None,
    strengths=STRENGTHS,
    **about,
):
    """Solves the head on features and puts the solution into the model.

    Args:
        model: a compiled `TransferModel` with a `solvable_kind`.
        train: what `pooled_once` returns.
        validation: the same, or `None`.
        best: the `BestWeights` that takes the rows, one a strength.
        folds: as in `probe.solve`.
        strengths: as in `probe.solve`.
        **about: what else the rows say.

    Returns:
        The `Probe`.
    """
    started = time.perf_counter()
    kind = solvable_kind(model)
    train, validation = (as_solved(kind, part) for part in (train, validation))
    probe = solve(
        kind,
        train,
        validation,
        model.head.num_outputs,
        folds=folds,
        strengths=strengths,
    )
    put(model, probe)
    seconds = (time.perf_counter() - started) / len(probe.rows)
    rows = [row | about for row in probe.rows]
    best.take(rows, probe.best | about, seconds)
    return probe


def put(model, probe):
    """Gives the model's head the weights of a `Probe`."""
    model.head.set_weights([probe.kernel, probe.bias])


def as_solved(kind, part):
    """Returns `(x, y[, weights])` with the labels as `probe.solve` has them."""
    if part is None or kind != "softmax":
        return part
    x, y, *rest = part
    y = np.asarray(y)
    if y.ndim > 1 and y.shape[-1] > 1:
        y = y.argmax(axis=-1)
    return (x, y.reshape(-1), *rest)
