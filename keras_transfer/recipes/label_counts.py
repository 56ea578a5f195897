"""How many labels there are to learn from."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

if TYPE_CHECKING:
    from keras_transfer.models.transfer.transfer_model import TransferModel

# Samples a class below which a part held out would be too small to choose by.
FEW = 50
# Samples a class below which all blocks train: measured with 5, 20, 100, 200
# and 300 (benchmarks/choosing_how_to_fine_tune.py). With more, training only
# the top blocks on what is below them saves hours.
FULL = 1000
# Samples a class from which a part is held out to judge that by; with fewer
# folds do it, and all samples train.
ENOUGH_TO_HOLD_OUT = 250
# Samples a class below which folds are not asked. With 5 a class they refused
# fine-tuning in 3 of 3 draws of one set of training photos, where it gained
# .07 to .10 of accuracy; with 10 and 20 in none of 15 draws of three sets.
FOLDED = 10


@dataclasses.dataclass(frozen=True)
class LabelCounts:
    """How many labels there are to learn from.

    Attributes:
        num_samples: samples.
        per_class: samples of each class (of each label, where it is true);
            empty for numbers.
    """

    num_samples: int
    per_class: tuple = ()

    @property
    def mean(self) -> float:
        """Samples a class; of numbers, all."""
        return self.num_samples / max(1, len(self.per_class))

    @property
    def is_few(self) -> bool:
        """Whether a part held out would be too small to choose by."""
        return self.mean < FEW

    @property
    def is_too_few_to_fold(self) -> bool:
        """Whether folds, which train on less still, would say too little."""
        return self.mean < FOLDED

    @property
    def trains_fully(self) -> bool:
        """Whether all blocks are to be trained."""
        return self.mean < FULL

    @property
    def is_enough_to_hold_out(self) -> bool:
        """Whether all blocks train well enough without a part held out."""
        return self.mean >= ENOUGH_TO_HOLD_OUT

    @property
    def smallest(self) -> int:
        present = [n for n in self.per_class if n]
        return min(present, default=self.num_samples)

    @property
    def imbalance(self) -> float:
        """The largest class over the smallest that has samples."""
        return max(self.per_class, default=1) / max(1, self.smallest)


def count_labels(labels: ArrayLike, model: TransferModel) -> LabelCounts:
    """Returns the `LabelCounts` of what a model learns.

    Args:
        labels: integers `(samples,)`, or one-hot, multi-hot or numbers
            `(samples, outputs)`.
        model: the `TransferModel`.
    """
    labels = np.asarray(labels)
    kind = getattr(model.head, "activation", None)
    if kind == "softmax" and labels.reshape(len(labels), -1).shape[1] == 1:
        whole = labels.reshape(-1).astype(int)
        counts = np.bincount(whole, minlength=model.output_shape[-1])
    elif kind in ("softmax", "sigmoid"):
        counts = (labels.reshape(len(labels), -1) > 0.5).sum(axis=0)
    else:
        counts = ()
    return LabelCounts(len(labels), tuple(int(n) for n in counts))
