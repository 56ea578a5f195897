"""Expected accuracy on data without labels, from confidences."""

import numpy as np

from keras_transfer.transferability.checking import (
    checked_labels,
    checked_probabilities,
)


def thresholded_confidence(validation, labels, target):
    """Returns the accuracy to expect on data without labels.

    The threshold is the confidence (negative entropy) above which there are
    as many validation samples as are named rightly; what is expected is the
    share of the target's samples above it. It holds while the target is like
    the validation data but for how hard it is.

    Args:
        validation: probabilities `(samples, classes)` on labelled data.
        labels: their classes, numbered as the columns.
        target: probabilities `(other samples, classes)`.

    Raises:
        ValueError: rows that are no probabilities, lengths that differ.

    Reference:
        Garg et al. 2022, Leveraging Unlabeled Data to Predict
        Out-of-Distribution Performance (ATC).
    """
    validation = checked_probabilities(validation, "validation")
    target = checked_probabilities(target, "target")
    checked_labels(labels, len(validation))
    right = validation.argmax(axis=1) == np.asarray(labels)
    known, new = _certainty(validation), _certainty(target)
    wrong = int((~right).sum())
    threshold = np.sort(known)[wrong] if wrong < len(known) else np.inf
    return float(np.mean(new >= threshold))


def _certainty(probabilities):
    return (probabilities * np.log(np.maximum(probabilities, 1e-300))).sum(
        axis=1
    )
