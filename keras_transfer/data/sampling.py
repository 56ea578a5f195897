"""Which samples, in which order: pure functions of their arguments.

Exact caching and exact resume rest on `epoch_order`: whoever knows the seed
and the epoch knows the order, whatever happened before in the process.
"""

import warnings
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike

# Other streams of random numbers than those of the epochs, (seed, epoch).
_SPLIT = (0, 1)
_SHOTS = (0, 2)


def epoch_order(
    seed: int, epoch: int, num_samples: int, shuffle: bool = True
) -> np.ndarray:
    """The order of the samples in one epoch.

    Args:
        seed: integer >= 0.
        epoch: integer >= 0, counted from 0.
        num_samples: how many samples there are.
        shuffle: `False` gives `0..num_samples - 1` in every epoch.

    Returns:
        int64 array of shape `(num_samples,)`, a permutation.

    Examples:
        >>> epoch_order(seed=0, epoch=0, num_samples=4, shuffle=False)
        array([0, 1, 2, 3])
    """
    if not shuffle:
        return np.arange(num_samples, dtype=np.int64)
    return generator_of(seed, epoch).permutation(num_samples).astype(np.int64)


def train_validation_split(
    labels: ArrayLike, fraction: float, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Hold out a fraction of the samples with nearly equal class proportions.

    Each class gives `fraction` of its samples, rounded so that the total is
    right (largest remainder, ties by the seed). Of integer labels, one sample
    a class always stays in the first part. Rows of a 2-D array count as one
    class each, so continuous targets give a plain random split.

    Args:
        labels: array of shape `(num_samples,)` or `(num_samples, outputs)`.
        fraction: the part to hold out, from 0 up to but not including 1.
        seed: integer >= 0.

    Returns:
        Two sorted int64 arrays of indices: what stays, what is held out.

    Raises:
        ValueError: for a fraction outside `[0, 1)`.

    Examples:
        >>> stay, held_out = train_validation_split([0, 0, 1, 1], 0.5)
        >>> len(stay), len(held_out)
        (2, 2)
    """
    if not 0 <= fraction < 1:
        raise ValueError(
            "The fraction of samples to hold out must be at least 0 and less "
            f"than 1. Received: {fraction}. Pass 0.2 to hold out a fifth."
        )
    labels = np.asarray(labels)
    groups = _group_numbers(labels)
    random = generator_of(seed, *_SPLIT)
    sizes = np.bincount(groups)
    keep_one = labels.ndim == 1 and labels.dtype.kind in "iu"
    takes = _largest_remainder(sizes, fraction, sizes - keep_one, random)
    order = random.permutation(len(groups))
    held_out = order[_rank_in_group(groups[order]) < takes[groups[order]]]
    stays = np.setdiff1d(np.arange(len(groups)), held_out)
    return stays.astype(np.int64), np.sort(held_out).astype(np.int64)


def few_shot(
    labels: ArrayLike,
    shots_per_class: int,
    seed: int = 0,
    class_names: Sequence[str] | None = None,
) -> np.ndarray:
    """Draw a few labelled samples of every class.

    At one seed the draw with fewer shots is a subset of the draw with more.
    A multi-hot row counts for each of its classes, so such a class may get
    more samples than asked for, through its neighbours.

    Args:
        labels: integers of shape `(num_samples,)`, or multi-hot of shape
            `(num_samples, num_classes)`.
        shots_per_class: samples to draw of each class, >= 1.
        seed: integer >= 0.
        class_names: names used in the warning.

    Returns:
        Sorted int64 array of indices.

    Raises:
        ValueError: for fewer than one shot.

    Warns:
        UserWarning: once, naming the classes that have fewer samples.

    Examples:
        >>> len(few_shot([0, 0, 0, 1, 1, 1], shots_per_class=2))
        4
    """
    if shots_per_class < 1:
        raise ValueError(
            "`shots_per_class` must be at least 1, or None for every sample. "
            f"Received: {shots_per_class}."
        )
    labels = np.asarray(labels)
    order = generator_of(seed, *_SHOTS).permutation(len(labels))
    if labels.ndim == 1:
        classes = np.unique(labels)
        members = [order[labels[order] == number] for number in classes]
    else:
        classes = range(labels.shape[1])
        members = [order[column > 0] for column in labels[order].T]
    counts = list(map(len, members))
    _warn_of_small_classes(classes, counts, shots_per_class, class_names)
    drawn = [each[:shots_per_class] for each in members]
    return np.unique(np.concatenate(drawn)).astype(np.int64)


def generator_of(*entropy: int) -> np.random.Generator:
    """Returns the random numbers that some integers >= 0 stand for."""
    return np.random.Generator(np.random.PCG64([int(n) for n in entropy]))


def _group_numbers(labels: np.ndarray) -> np.ndarray:
    axis = 0 if labels.ndim > 1 else None
    _, groups = np.unique(labels, axis=axis, return_inverse=True)
    return groups.reshape(-1)


def _largest_remainder(
    sizes: np.ndarray,
    fraction: float,
    limits: np.ndarray,
    random: np.random.Generator,
) -> np.ndarray:
    """Whole numbers near `fraction * sizes` with the right total."""
    quotas = fraction * sizes
    takes = np.minimum(np.floor(quotas + 1e-9).astype(np.int64), limits)
    missing = round(fraction * sizes.sum()) - takes.sum()
    remainders = quotas - takes + random.uniform(0, 1e-6, len(sizes))
    remainders[takes >= limits] = -np.inf
    for group in np.argsort(-remainders)[: max(missing, 0)]:
        takes[group] += takes[group] < limits[group]
    return takes


def _rank_in_group(groups: np.ndarray) -> np.ndarray:
    """For each element, how many equal ones stand before it."""
    by_group = np.argsort(groups, kind="stable")
    starts = np.searchsorted(groups[by_group], groups[by_group])
    ranks = np.empty(len(groups), dtype=np.int64)
    ranks[by_group] = np.arange(len(groups)) - starts
    return ranks


def _warn_of_small_classes(
    classes: Iterable[int],
    counts: list[int],
    shots_per_class: int,
    class_names: Sequence[str] | None,
) -> None:
    small = [
        f"{number if class_names is None else class_names[number]} ({count})"
        for number, count in zip(classes, counts, strict=True)
        if count < shots_per_class
    ]
    if small:
        warnings.warn(
            f"{len(small)} class(es) have fewer than {shots_per_class} "
            f"samples, and all of them were taken: {', '.join(small)}.",
            stacklevel=3,
        )
