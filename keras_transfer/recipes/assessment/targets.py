"""What labels ask of a head: classes, several labels, or numbers."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from keras_transfer.layers import ClassificationHead, RegressionHead
from keras_transfer.recipes.assessment.class_numbers import (
    check_numbers,
    class_numbers,
)

if TYPE_CHECKING:
    from keras_transfer.layers.base_head import Head
    from keras_transfer.models.transfer.transfer_model import TransferModel

# By the task, as `data.load` names it: what `fit_linear_probe` calls it.
KINDS = {
    "classification": "softmax",
    "multi_label": "sigmoid",
    "regression": "linear",
}
# Samples below which folds say nothing.
_LEAST = 10


@dataclasses.dataclass(frozen=True)
class Targets:
    """Labels, and the head that they call for.

    Attributes:
        kind: as in `fit_linear_probe`.
        labels: integers `(samples,)` of a softmax, else `(samples, outputs)`.
        num_outputs: number of outputs.
        is_one_hot: whether classes came as one-hot rows.
    """

    kind: str
    labels: np.ndarray
    num_outputs: int
    is_one_hot: bool = False

    @property
    def num_samples(self) -> int:
        return len(self.labels)

    @property
    def are_shares(self) -> bool:
        """Whether a score is a share of right answers."""
        return self.kind != "linear"

    @property
    def per_class(self) -> float:
        """Samples a class in the mean; of other labels, all."""
        return self.num_samples / (
            self.num_outputs if self.kind == "softmax" else 1
        )

    @property
    def score_name(self) -> str:
        """The score of a sample, averaged, in words."""
        return {
            "softmax": "accuracy",
            "sigmoid": "binary accuracy",
            "linear": "R2",
        }[self.kind]

    def head(self) -> Head:
        """Returns a new linear head for these labels."""
        if self.kind == "linear":
            return RegressionHead(self.num_outputs, name="head")
        return ClassificationHead(
            self.num_outputs, activation=self.kind, name="head"
        )

    def compile(self, model: TransferModel) -> None:
        """Compiles a model with the loss that takes labels as they came."""
        loss: dict[str, Any] = {}
        if self.is_one_hot:
            loss = {
                "loss": "categorical_crossentropy",
                "metrics": ["accuracy"],
            }
        model.compile("auto", **loss)

    def scores(self, logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Returns how right each sample is, `(samples,)`.

        1 or 0 of a class, the share of the labels of a sample that are right,
        or of numbers 1 minus the squared error in units of the variance,
        whose mean is R squared.

        Args:
            logits: `(samples, outputs)`.
            labels: those of the same samples.
        """
        if self.kind == "softmax":
            return (logits.argmax(axis=1) == labels).astype("float64")
        if self.kind == "sigmoid":
            return ((logits > 0) == (labels > 0.5)).mean(axis=1)
        variance = np.maximum(labels.var(axis=0), 1e-12)
        return 1 - ((logits - labels) ** 2 / variance).mean(axis=1)


def targets_of(labels: ArrayLike, task: str = "auto") -> Targets:
    """Returns the `Targets` of labels.

    Args:
        labels: integers `(samples,)`; one-hot or multi-hot rows; or numbers.
        task: `"classification"`, `"multi_label"`, `"regression"`, or `"auto"`:
            whole numbers and one-hot rows are classes, other rows of 0 and 1
            several labels, anything else numbers.

    Raises:
        ValueError: words, NaN, one class, too few samples.
    """
    labels = np.asarray(labels)
    _check_task(task)
    check_numbers(labels)
    _check_enough(labels)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    task = _task_of(labels) if task == "auto" else task
    if task == "classification":
        return _classes(labels)
    rows = labels.reshape(len(labels), -1).astype("float64")
    return Targets(KINDS[task], rows, rows.shape[1])


def _check_task(task: str) -> None:
    if task != "auto" and task not in KINDS:
        raise ValueError(
            f"`task` is 'auto' or one of {', '.join(KINDS)}. Received: "
            f"{task!r}."
        )


def _check_enough(labels: np.ndarray) -> None:
    if len(labels) < _LEAST:
        raise ValueError(
            "Candidates are compared on samples that their heads have not "
            f"seen. Received: {len(labels)} samples. Expected at least "
            f"{_LEAST}. With fewer take the source of the best published "
            "accuracy, or label more."
        )


def _task_of(labels: np.ndarray) -> str:
    if labels.ndim == 1:
        is_whole = labels.dtype.kind in "iub"
        return "classification" if is_whole else "regression"
    if not np.isin(labels, (0, 1)).all():
        return "regression"
    is_one_hot = (labels.sum(axis=1) == 1).all()
    return "classification" if is_one_hot else "multi_label"


def _classes(labels: np.ndarray) -> Targets:
    numbers, num_outputs = class_numbers(labels)
    num_classes = len(np.unique(numbers))
    if num_classes < 2:
        raise ValueError(
            "Candidates are ranked by how well they tell classes apart. "
            f"Received: labels of one class, {numbers[0]}. Expected at least "
            "two."
        )
    if 2 * num_classes > len(labels) or num_outputs > len(labels):
        raise ValueError(
            f"Received: {len(labels)} samples of {num_classes} classes, "
            f"numbered up to {num_outputs - 1}. Expected at least two samples "
            "a class in the mean, and classes numbered from 0 without large "
            "gaps. For quantities pass task='regression'."
        )
    return Targets("softmax", numbers, num_outputs, labels.ndim == 2)
