"""Labels that are likely wrong, by a model that has not seen them."""

import dataclasses

import numpy as np
from numpy.typing import ArrayLike

from keras_transfer.transferability.checking import (
    checked_labels,
    checked_probabilities,
)

# Probability of the given label above which it stands. Chosen, like the order,
# on training photos of flowers5 and trashnet6 with 2 % of the labels flipped
# (benchmarks/data_check_finds.py --within-train): without it two of three that
# are listed were hard samples, not wrong labels.
_DOUBTED = 0.05


@dataclasses.dataclass(frozen=True)
class LabelError:
    """A label that is likely wrong.

    Attributes:
        sample: number of the sample.
        given: its label.
        suggested: the class that the model takes it for.
        confidence: probability of the given label; the lower, the likelier it
            is wrong.
    """

    sample: int
    given: int
    suggested: int
    confidence: float


def label_errors(
    probabilities: ArrayLike, labels: ArrayLike, *, doubted: float = _DOUBTED
) -> list[LabelError]:
    """Returns labels that are likely wrong, the likeliest first.

    Confident learning: the threshold of a class is the mean probability of
    that class over the samples labelled so. A sample is counted as of class j
    if its probability of j reaches j's threshold (of several, the most
    probable). It is listed if that is another class than its label, the most
    probable of all, and its label has a probability of at most `doubted`.

    Args:
        probabilities: `(samples, classes)`, of each sample by a calibrated
            model that has not seen it.
        labels: classes `(samples,)`, numbered as the columns.
        doubted: highest probability of a label that is listed.

    Returns:
        A list of `LabelError`, the least probable label first.

    Raises:
        ValueError: rows that are no probabilities, labels without a column.

    Example:

    ```python
    label_errors([[0.9, 0.1], [0.8, 0.2], [0.05, 0.95], [0.2, 0.8]],
                 [0, 0, 0, 1])
    ```

    Reference:
        Northcutt et al. 2021, Confident Learning: Estimating Uncertainty in
        Dataset Labels. Of its rules, the off-diagonal of the confident joint
        in the order of self-confidence; `doubted` is not in the paper.
    """
    p = checked_probabilities(probabilities)
    checked_labels(labels, len(p))
    y = np.asarray(labels).astype(int)
    if y.min() < 0 or y.max() >= p.shape[1]:
        raise ValueError(
            f"`labels` are numbers of the {p.shape[1]} columns of "
            f"`probabilities`. Received: labels from {y.min()} to {y.max()}."
        )
    rows = np.arange(len(p))
    # A class that no sample is labelled as has no threshold to reach.
    thresholds = np.full(p.shape[1], np.inf)
    for label in np.unique(y):
        thresholds[label] = p[y == label, label].mean()
    suggested = p.argmax(axis=1)
    confidences = p[rows, y]
    is_wrong = (
        (suggested != y)
        & (p[rows, suggested] >= thresholds[suggested])
        & (confidences <= doubted)
    )
    order = np.flatnonzero(is_wrong)
    order = order[np.argsort(confidences[order], kind="stable")]
    return [
        LabelError(int(i), int(y[i]), int(suggested[i]), float(confidences[i]))
        for i in order
    ]
