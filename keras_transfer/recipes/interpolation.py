"""Weights between two models: as robust as the one, as good as the other."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import keras
import numpy as np

from keras_transfer import feature_cache
from keras_transfer._private.types import Verbose
from keras_transfer.data.batches import ArrayBatches
from keras_transfer.recipes.evaluation import metrics_of
from keras_transfer.recipes.head_stage import convex_kind, with_integer_labels
from keras_transfer.recipes.judging import ENOUGH_FOR_ACCURACY
from keras_transfer.recipes.training import compile_like
from keras_transfer.recipes.writers import Row
from keras_transfer.training.replicas import each_in_full
from keras_transfer.transferability import temperature
from keras_transfer.transferability.linear_probe import score

if TYPE_CHECKING:
    from keras_transfer.data.seeded_batches import SeededBatches
    from keras_transfer.feature_cache.settings import FeatureCache
    from keras_transfer.models.transfer.transfer_model import TransferModel

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)


def between_weights(
    start: list[np.ndarray], end: list[np.ndarray], share: float
) -> list[np.ndarray]:
    """Returns `(1 - share) * start + share * end`, array by array.

    The interpolation of Wortsman et al. 2022, Robust Fine-Tuning of Zero-Shot
    Models (WiSE-FT), between the solved head on the source's features and the
    fine-tuned model.

    Args:
        start: list of arrays.
        end: list of arrays of the same shapes.
        share: from 0 to 1.

    Examples:
        >>> between_weights([np.zeros(2)], [np.ones(2)], 0.25)
        [array([0.25, 0.25])]
    """
    return [
        a if not np.issubdtype(a.dtype, np.floating)
        else ((1 - share) * a + share * b).astype(a.dtype)
        for a, b in zip(start, end, strict=True)
    ]  # fmt: skip


def evaluate_shares(
    model: TransferModel,
    part: keras.Model,
    data: SeededBatches,
    start: list[np.ndarray],
    end: list[np.ndarray],
    shares: Iterable[float],
    prior: float | None = None,
) -> list[Row]:
    """Evaluates each share of the way on validation data.

    Fine-tuned models are too sure of themselves, which hides in their loss
    what they have learned. So class scores are compared at the temperature
    that suits each best.

    Args:
        model: a compiled `TransferModel`; it has the last share's weights
            afterwards.
        part: what `part_to_judge` returns, the part of it that has trained.
        data: its validation data.
        start: weights of the whole model.
        end: weights of the whole model.
        shares: what to evaluate.
        prior: the temperature towards which that of few samples is drawn,
            `None` to take it as it is.

    Returns:
        List of dicts: `share`, `temperature`, `val_loss` and the metrics.
    """
    rows = []
    for share in shares:
        model.set_weights(between_weights(start, end, share))
        rows.append({"share": share, **_judged(part, data, model, prior)})
    return rows


def _judged(
    part: keras.Model,
    data: SeededBatches,
    model: TransferModel,
    prior: float | None,
) -> Row:
    kind = convex_kind(model)
    if kind not in ("softmax", "sigmoid"):
        return {"temperature": 1.0, **metrics_of(part, data, "val_")}
    _, labels, *weights = with_integer_labels(
        kind, data.read(np.arange(data.num_samples))
    )
    with each_in_full():
        scores = part.predict(data, verbose=0)
    logits = temperature.logits_of(kind, scores)
    best = temperature.best_temperature(kind, logits, labels, *weights)
    if prior is not None:
        best = temperature.drawn_towards(prior, best, len(labels))
    given = weights[0] if weights else None
    by_class = bool(data.class_weight)
    named = score(kind, logits / best, labels, given, "val_", by_class)
    return {"temperature": best, **named}


def set_temperature(model: TransferModel, row: Row) -> None:
    """Gives a model the temperature of a row."""
    if row["temperature"] != 1.0:
        model.head._scale_logits(1.0 / row["temperature"])


def best_of(rows: list[Row], num_samples: int, by_class: bool = False) -> Row:
    """Returns the row to take: the first is the one to beat.

    That is the one with the lowest `val_loss`; from 200 samples on, where an
    accuracy tells enough, among those whose accuracies (every metric with
    "accuracy" in its name) are not below the first's. With class weights
    only balanced accuracy counts: to weigh a rare class costs accuracy.

    Args:
        rows: what `evaluate_shares` returns.
        num_samples: how many validation samples they were evaluated on.
        by_class: whether classes are weighted.
    """
    first = rows[0]
    counted = "balanced_accuracy" if by_class else "accuracy"

    def keeps_up(row: Row) -> bool:
        return num_samples < ENOUGH_FOR_ACCURACY or all(
            row[name] >= first[name] for name in row if counted in name
        )

    return min(filter(keeps_up, rows), key=lambda row: row["val_loss"])


def part_to_judge(
    model: TransferModel,
    validation: SeededBatches,
    *,
    depth: int,
    cache: FeatureCache | None,
    verbose: Verbose,
) -> tuple[keras.Model, SeededBatches]:
    """Returns the part of a model that has trained, and its validation data.

    Args:
        model: a compiled `TransferModel`.
        validation: `SeededBatches`.
        depth: how many blocks have trained.
        cache: a `FeatureCache` with what the frozen part makes of
            `validation`, or `None` to run all of the model.
        verbose: 0 shows no progress.
    """
    if cache is None:
        return model, validation
    suffix = feature_cache.boundary_at(model, depth).suffix
    compile_like(suffix, model, keras.optimizers.SGD(0.0))
    found = feature_cache.features(
        model, validation, depth=depth, cache=cache, name="validation",
        verbose=verbose,
    )  # fmt: skip
    data = ArrayBatches(
        found.take(found.rows), *found.rest,
        batch_size=validation.batch_size, shuffle=False,
    )  # fmt: skip
    data.class_weight = validation.class_weight
    return suffix, data
