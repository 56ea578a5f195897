"""Warnings about a result, to be read before one relies on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from keras_transfer.recipes.writers import Row

if TYPE_CHECKING:
    from keras_transfer.data.seeded_batches import SeededBatches
    from keras_transfer.models.transfer.transfer_model import TransferModel
    from keras_transfer.recipes.label_counts import LabelCounts


def diagnose(
    counts: LabelCounts,
    row: Row,
    validation: SeededBatches | None,
    model: TransferModel,
    is_weighted: bool = False,
) -> list[str]:
    """Returns warnings, most important first; none if all is well.

    Args:
        counts: the `LabelCounts` of all samples.
        row: the row of the history that the model is from.
        validation: `SeededBatches` that it was chosen on, or `None`.
        model: the trained `TransferModel`.
        is_weighted: whether classes were weighted.
    """
    found = [
        # With class weights accuracy is not what was trained for.
        None
        if is_weighted
        else _not_better_than_guessing(counts, row, validation),
        _unbalanced(counts, validation, model),
        _few(counts),
    ]
    return [sentence for sentence in found if sentence]


def _not_better_than_guessing(
    counts: LabelCounts, row: Row, validation: SeededBatches | None
) -> str | None:
    """Compares with always naming the most frequent class."""
    accuracy = row.get("val_accuracy")
    if accuracy is None or not counts.per_class or counts.imbalance >= 20:
        return None
    number = counts.num_samples
    if validation is not None:
        number = validation.num_samples
    share = max(counts.per_class) / sum(counts.per_class)
    error = np.sqrt(share * (1 - share) / number)
    # The best of several penalties and weights is a little above its mean.
    if accuracy > share + 3 * error:
        return None
    return (
        "the model cannot be told from one that always names the most frequent "
        f"class: validation accuracy {accuracy:.3f} on {number} samples "
        f"against {share:.3f} +/- {error:.3f}. Are the labels right, and do "
        "they belong to these samples? Otherwise these features do not tell "
        "the classes apart: try another source model, or more samples."
    )


def _unbalanced(
    counts: LabelCounts, validation: SeededBatches | None, model: TransferModel
) -> str | None:
    if counts.imbalance < 20:
        return None
    rarest = int(np.argmin([n or np.inf for n in counts.per_class]))
    names: Any = model.class_names or [f"class {i}" for i in range(1 + rarest)]
    sentence = (
        f"the classes are unbalanced, {counts.imbalance:.0f} to 1: "
        f"{names[rarest]} has {counts.smallest} of {counts.num_samples} "
        "samples, and the accuracy says little about it"
    )
    recall = _recall(rarest, validation, model)
    if recall is None:
        return f"{sentence}; no such sample was held out to measure on."
    found, number = recall
    return f"{sentence}; of {number} held out, {found} were recognised."


def _recall(
    label: int, validation: SeededBatches | None, model: TransferModel
) -> tuple[int, int] | None:
    """How many samples of a class are recognised, and how many there are."""
    if validation is None or getattr(model.head, "activation", "") != "softmax":
        return None
    labels = np.asarray(validation.read_labels())
    labels = labels.argmax(-1) if labels.ndim > 1 else labels
    chosen = np.flatnonzero(labels.reshape(-1) == label)
    if not len(chosen):
        return None
    scores = model.predict(validation.read(chosen[:256])[0], verbose=0)
    predicted = np.asarray(scores).argmax(axis=-1)
    return int((predicted == label).sum()), len(predicted)


def _few(counts: LabelCounts) -> str | None:
    if not counts.per_class or counts.smallest >= 10:
        return None
    return (
        f"{counts.smallest} samples of the smallest class: another draw of "
        "samples may give a model that is noticeably better or worse. More "
        "labelled samples help more than any setting."
    )
