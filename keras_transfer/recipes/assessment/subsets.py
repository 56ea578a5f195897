"""A part of the samples, where all of them would take too long."""

import numpy as np

from keras_transfer.data.sampling import train_validation_split


def some_rows(labels: np.ndarray, most: int, seed: int) -> np.ndarray:
    """Returns numbers of at most about `most` samples, class by class.

    Args:
        labels: of all samples, classes `(samples,)`.
        most: how many samples.
        seed: seed of the choice.
    """
    if len(labels) <= most:
        return np.arange(len(labels))
    fraction = 1 - most / len(labels)
    return train_validation_split(labels, fraction, seed)[0]


def some_samples(num_samples: int, most: float, seed: int) -> np.ndarray:
    """Returns numbers of at most `most` samples, sorted, without labels."""
    if num_samples <= most:
        return np.arange(num_samples)
    random = np.random.default_rng(seed)
    return np.sort(random.choice(num_samples, int(most), replace=False))
