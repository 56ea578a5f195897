"""The parts of an assessment that need nothing but features and labels."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from keras_transfer.recipes.assessment.assessment import TransferAssessment
from keras_transfer.recipes.assessment.baselines import baselines
from keras_transfer.recipes.assessment.data_check import check_data
from keras_transfer.recipes.assessment.out_of_fold import (
    MOST_TO_CHOOSE,
    out_of_fold,
)
from keras_transfer.recipes.assessment.pictures import Drawn
from keras_transfer.recipes.assessment.subsets import some_rows
from keras_transfer.transferability import probe_learning_curve

if TYPE_CHECKING:
    from keras_transfer.recipes.assessment.collected import Collected

_LEAST = 8


@dataclasses.dataclass(frozen=True)
class Effort:
    """How much an assessment may cost.

    Attributes:
        curve: samples that the learning curve is measured on, at most.
        num_draws: divisions into folds for it; `None` is as
            `probe_learning_curve` has it.
        folds: folds of the probe.
        choose_on: samples by which the probe's penalty is chosen, at most.
        pixels: whether the samples themselves were read, not features alone.
    """

    curve: int = 10_000
    num_draws: int | None = None
    folds: int = 5
    choose_on: int = MOST_TO_CHOOSE
    pixels: bool = True


def assess_features(
    source: str,
    parts: Sequence[Collected],
    class_names: Sequence[str],
    *,
    effort: Effort,
    labels: np.ndarray | None = None,
    seed: int = 0,
) -> TransferAssessment:
    """Returns a `TransferAssessment` without gain and similarity.

    Args:
        source: name of the source model.
        parts: the `Collected` of `"train"`, and of other labelled parts.
        class_names: names by label.
        effort: the `Effort`.
        labels: of all training samples, where `"train"` is a part of them.
        seed: seed of folds and subsets.

    Raises:
        ValueError: one class, or fewer than 8 samples.
    """
    train = parts[0]
    check_classes(train.labels)
    probe = out_of_fold(
        train.features, train.labels, folds=effort.folds,
        choose_on=effort.choose_on, seed=seed,
    )  # fmt: skip
    rows = some_rows(train.labels, effort.curve, seed)
    curve = probe_learning_curve(
        train.features[rows],
        train.labels[rows],
        num_draws=effort.num_draws,
        seed=seed,
    )
    notes = []
    if len(rows) < len(train) and curve is not None:
        notes.append(
            f"the learning curve was measured on {len(rows)} of {len(train)} "
            "samples."
        )
    labels = train.labels if labels is None else labels
    counts = np.bincount(labels, minlength=len(class_names))
    return TransferAssessment(
        source,
        {part.name: len(part) for part in parts} | {"train": len(labels)},
        {
            name: int(count)
            for name, count in zip(class_names, counts, strict=True)
        },
        curve,
        baselines(train.features, train.labels, probe, seed=seed),
        findings=check_data(parts, probe, class_names, pixels=effort.pixels),
        notes=notes,
        drawn=Drawn({part.name: part for part in parts}, {}, class_names),
    )


def check_classes(labels: np.ndarray) -> None:
    """Raises unless labels are enough samples of several classes.

    Raises:
        ValueError: one class, or fewer than 8 samples.
    """
    if len(labels) < _LEAST:
        raise ValueError(
            f"An assessment needs {_LEAST} labelled samples at least. "
            f"Received: {len(labels)}. Label more of them."
        )
    found = np.unique(labels)
    if len(found) < 2:
        raise ValueError(
            "An assessment needs samples of two classes at least. Received: "
            f"{len(labels)} samples, all with label {found[0]}."
        )
