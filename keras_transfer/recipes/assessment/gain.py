"""What pre-training brings: the probe against that of a random net."""

import dataclasses

import numpy as np

from keras_transfer.recipes.assessment.out_of_fold import out_of_fold
from keras_transfer.transferability.paired_difference import paired_difference


@dataclasses.dataclass(frozen=True)
class Gain:
    """The probe's accuracy minus that on the same net's random features.

    Attributes:
        gain: difference of the accuracies, in the same folds.
        error: its standard error, from the differences sample by sample.
        pretrained: accuracy on the pre-trained features.
        random: accuracy on the random ones.
        num_samples: on how many samples.
    """

    gain: float
    error: float
    pretrained: float
    random: float
    num_samples: int

    @property
    def verdict(self) -> str:
        """Whether transfer helps, in words."""
        if self.gain > 2 * self.error:
            return "transfer helps"
        if self.gain < -2 * self.error:
            return (
                "negative transfer: this source is worse than random weights. "
                "Take another source, or train from random weights"
            )
        return (
            "within noise: this source cannot be told from random weights. "
            "Take another source"
        )


def gain_over_random(
    pretrained: np.ndarray,
    random: np.ndarray,
    labels: np.ndarray,
    *,
    seed: int = 0,
) -> Gain:
    """Returns the `Gain` of features over others of the same samples.

    Args:
        pretrained: `(samples, dimensions)`.
        random: `(samples, dimensions)`.
        labels: classes from 0, `(samples,)`.
        seed: seed of the folds, the same for both.
    """
    ours = out_of_fold(pretrained, labels, seed=seed)
    theirs = out_of_fold(random, labels, seed=seed)
    difference = paired_difference(ours.is_right, theirs.is_right)
    return Gain(
        difference.mean,
        difference.error,
        ours.accuracy,
        theirs.accuracy,
        len(labels),
    )
