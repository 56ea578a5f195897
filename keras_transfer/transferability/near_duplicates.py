"""Samples that are there twice: the same to the byte, or nearly."""

import dataclasses
import hashlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike

from keras_transfer.transferability.checking import checked_features

# Cosine from which any two photos are one, and how much nearer than all others
# two of each other's nearest must be. Chosen on training photos of flowers5
# and trashnet6 with copies encoded again, cropped and brightened
# (benchmarks/data_check_finds.py --within-train).
_SAME, _LEAST, _RATIO = 0.95, 0.5, 0.5
# In fewer dimensions chance brings some samples far nearer than others.
_DIMENSIONS = 32
_ROWS_A_BLOCK = 2048


@dataclasses.dataclass(frozen=True)
class Pair:
    """Two samples that are the same, or nearly.

    Attributes:
        first: number of a sample.
        second: number of another one, larger.
        similarity: cosine of their features.
        is_exact: whether they are equal to the byte.
    """

    first: int
    second: int
    similarity: float
    is_exact: bool = False


def near_duplicates(
    features: ArrayLike,
    *,
    same: float = _SAME,
    ratio: float = _RATIO,
    most: int = 1000,
) -> list[Pair]:
    """Returns pairs of samples that are nearly the same.

    With c the cosine of features minus their mean over all samples, and c' the
    next highest of either sample, a pair is listed where

        c >= same,  or  1 - c <= ratio (1 - c')

    of which the latter is for samples that are each other's nearest (with c of
    at least 0.5) in 32 dimensions or more: a photo cropped or encoded again is
    not equal to the first one, but far nearer to it than all others are. Goes
    through blocks of rows, so that no matrix of all pairs is in memory.

    Args:
        features: `(samples, dimensions)`.
        same: lowest cosine of a pair that needs nothing else.
        ratio: how much nearer a pair is than the next sample.
        most: most pairs.

    Returns:
        A list of `Pair`, the most similar first.

    Raises:
        ValueError: features of another shape, or NaN.

    Example:

    ```python
    near_duplicates([[1.0, 0.0], [0.0, 1.0], [1.0, 0.01], [-3.0, -1.0]])
    ```

    Reference:
        Lowe 2004, Distinctive Image Features from Scale-Invariant Keypoints
        (the ratio of the nearest to the next).
    """
    x = unit_rows(checked_features(features))
    found, nearest = {}, np.empty(len(x), int)
    highest, second = np.empty(len(x)), np.empty(len(x))
    for start in range(0, len(x), _ROWS_A_BLOCK):
        cosines = x[start : start + _ROWS_A_BLOCK] @ x.T
        rows = np.arange(len(cosines))
        cosines[rows, rows + start] = -2
        found |= _from(same, cosines, start, most)
        best = cosines.argmax(axis=1)
        nearest[rows + start] = best
        highest[rows + start] = cosines[rows, best]
        cosines[rows, best] = -2
        second[rows + start] = cosines.max(axis=1)
    if x.shape[1] >= _DIMENSIONS:
        found |= _far_nearer(nearest, highest, second, ratio)
    order = sorted(found, key=lambda pair: (-found[pair], pair))
    return [Pair(a, b, found[a, b]) for a, b in order[:most]]


def _from(
    same: float, cosines: np.ndarray, start: int, most: int
) -> dict[tuple[int, int], float]:
    """Cosines of pairs from `same` on, by their numbers; the highest."""
    i, j = np.nonzero(cosines >= same)
    # Where thousands are alike the list would grow without end.
    order = np.argsort(-cosines[i, j], kind="stable")[: 2 * most]
    return {
        (int(a) + start, int(b)): float(cosines[a, b])
        for a, b in zip(i[order], j[order], strict=True)
        if a + start < b
    }


def _far_nearer(
    nearest: np.ndarray, highest: np.ndarray, second: np.ndarray, ratio: float
) -> dict[tuple[int, int], float]:
    rows = np.arange(len(nearest))
    next_one = np.maximum(second, second[nearest])
    chosen = (
        (nearest[nearest] == rows)
        & (rows < nearest)
        & (highest >= _LEAST)
        & (1 - highest <= ratio * (1 - next_one))
    )
    return {
        (int(i), int(nearest[i])): float(highest[i])
        for i in np.flatnonzero(chosen)
    }


def equal_samples(digests: Iterable[bytes], *, most: int = 1000) -> list[Pair]:
    """Returns pairs of samples with the same digest, each with the first.

    Args:
        digests: one for each sample.
        most: most pairs.
    """
    seen, found = {}, []
    for number, digest in enumerate(digests):
        first = seen.setdefault(digest, number)
        if first != number:
            found.append(Pair(first, number, 1.0, True))
    return found[:most]


def digest_of(sample: ArrayLike) -> bytes:
    """Returns a short digest of an array: its type, shape and bytes."""
    array = np.ascontiguousarray(sample)
    about = f"{array.dtype.str}{array.shape}".encode()
    return hashlib.blake2b(about + array.tobytes(), digest_size=16).digest()


def unit_rows(features: np.ndarray) -> np.ndarray:
    """Returns features minus their mean, each row of length 1, as float32.

    A row that is the mean stays 0, and is similar to nothing.
    """
    centred = features - features.mean(axis=0)
    scale = np.abs(centred).max() or 1.0
    centred = (centred / scale).astype("float32")
    lengths = np.linalg.norm(centred, axis=1, keepdims=True)
    return centred / np.maximum(lengths, 1e-12)
