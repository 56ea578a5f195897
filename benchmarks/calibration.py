"""Expected calibration error, of predicted probabilities and labels."""

import numpy as np


def calibration_error(probabilities, labels, bins=15):
    """Mean distance of confidence and accuracy, in bins of confidence.

    Guo et al. 2017: sum over bins of `n_b / n |accuracy_b - confidence_b|`.
    """
    confidence = probabilities.max(axis=1)
    is_right = probabilities.argmax(axis=1) == labels
    places = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [
        (is_right[places == b] - confidence[places == b]).sum()
        for b in range(bins)
    ]
    return float(np.abs(gaps).sum() / len(labels))
