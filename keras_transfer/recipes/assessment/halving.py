"""Successive halving: which samples a round has, and who goes on."""

from __future__ import annotations

import math
from collections.abc import Container
from typing import TYPE_CHECKING

import numpy as np

from keras_transfer.data.sampling import epoch_order

if TYPE_CHECKING:
    from keras_transfer.transferability.paired_difference import (
        PairedDifference,
    )

# Shares of all samples in the rounds.
_SHARES = (0.25, 0.5, 1.0)
# Samples a class, and in all, below which a round would compare by chance.
_LEAST_A_CLASS, _LEAST = 20, 200
# With so few candidates there is no half to drop.
_FEW = 2


def nested_order(labels: np.ndarray, seed: int) -> np.ndarray:
    """Returns an order of samples whose every beginning is stratified.

    Args:
        labels: integers `(samples,)`; of rows `(samples, outputs)` the order
            is a random one.
        seed: seed of the order within a class.

    Returns:
        Integers `(samples,)`, a permutation. Of each class the share among
        the first n is that among all, and its first sample comes early.
    """
    order = epoch_order(seed, 0, len(labels))
    if np.ndim(labels) > 1:
        return order
    places = np.zeros(len(labels))
    for label in np.unique(labels):
        members = order[labels[order] == label]
        places[members] = np.arange(len(members)) / len(members)
    # Equal places keep the random order.
    return order[np.argsort(places[order], kind="stable")]


def round_sizes(
    num_samples: int, per_class: float, num_candidates: int, batch_size: int
) -> list[int]:
    """Returns how many samples each round has, growing, all in the last.

    Args:
        num_samples: how many there are.
        per_class: samples a class in the mean.
        num_candidates: how many candidates there are.
        batch_size: of which all but the last size are multiples, so that
            networks see batches of one shape.
    """
    sizes = []
    for share in _SHARES[:-1]:
        is_enough = (
            share * per_class >= _LEAST_A_CLASS
            and share * num_samples >= _LEAST
        )
        if is_enough and num_candidates > _FEW:
            size = batch_size * math.ceil(share * num_samples / batch_size)
            sizes.append(size)
    return [*(size for size in sizes if size < num_samples), num_samples]


def dropped(
    means: dict[str, float],
    differences: dict[str, PairedDifference],
    kept: Container[str],
) -> list[str]:
    """Returns which candidates leave after a round.

    Those of the lower half that are behind the best by more than chance.

    Args:
        means: the score of each candidate, by name.
        differences: `PairedDifference` of the best to each, by name.
        kept: names that stay whatever their score.
    """
    by_score = sorted(means, key=means.__getitem__)
    lower_half = by_score[: len(by_score) // 2]
    return [
        name
        for name in lower_half
        if name not in kept and not differences[name].is_noise
    ]
