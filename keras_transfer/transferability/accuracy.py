"""Accuracies that features reach without any training of the network."""

import numpy as np
from numpy.typing import ArrayLike

from keras_transfer.transferability.checking import checked_both
from keras_transfer.transferability.folds import folds_for
from keras_transfer.transferability.linear_probe import (
    fit_linear_probe,
    out_of_fold_logits,
)


def knn_accuracy(
    features: ArrayLike, labels: ArrayLike, *, neighbours: int = 5
) -> float:
    """Returns the share of samples that their neighbours name rightly.

    Each sample is left out of its own vote. Neighbours are the nearest by the
    cosine; of classes with equally many votes the nearest wins.

    Args:
        features: `(samples, dimensions)`.
        labels: classes `(samples,)`.
        neighbours: how many vote; at most all other samples.

    Raises:
        ValueError: shapes that do not fit, NaN, one class.
    """
    from sklearn.neighbors import NearestNeighbors

    features, labels = checked_both(features, labels)
    largest = np.abs(features).max(axis=1, keepdims=True)
    features = features / np.maximum(largest, 1e-300)
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    features = features / np.maximum(lengths, 1e-300)
    count = min(neighbours, len(features) - 1)
    found = NearestNeighbors(n_neighbors=count).fit(features)
    # Without samples given, each one is left out of its own neighbours.
    near = labels[found.kneighbors(return_distance=False)]
    return float(np.mean(_winners(near, labels.max() + 1) == labels))


def _winners(near: np.ndarray, num_classes: int) -> np.ndarray:
    votes = (near[:, :, None] == np.arange(num_classes)).sum(axis=1)
    most = votes.max(axis=1)
    places = np.argmax(votes[np.arange(len(near))[:, None], near]
                       == most[:, None], axis=1)  # fmt: skip
    return near[np.arange(len(near)), places]


def linear_probe_accuracy(
    features: ArrayLike, labels: ArrayLike, *, folds: int = 5, seed: int = 0
) -> float:
    """Returns the accuracy of a linear head on samples it has not seen.

    A softmax with an L2 penalty; its strength has the lowest loss over the
    folds.

    Args:
        features: `(samples, dimensions)`.
        labels: classes `(samples,)`.
        folds: parts that are left out in turn; fewer where a class has fewer
            samples.
        seed: seed of what is in which part.

    Raises:
        ValueError: shapes that do not fit, NaN, one class.
    """
    features, labels = checked_both(features, labels)
    parts = folds_for(labels, "softmax", seed, most=folds)
    # The solver scales features by one factor; this keeps their squares.
    largest = np.abs(features).max()
    features = (features / largest if largest else features).astype("float32")
    data, outputs = (features, labels), labels.max() + 1
    probe = fit_linear_probe("softmax", data, None, outputs, folds=parts)
    logits = out_of_fold_logits(
        "softmax", data, outputs, probe.best["strength"], parts
    )
    return float(np.mean(logits.argmax(axis=1) == labels))
