"""Samples that are there twice: the same to the byte, or nearly."""

import dataclasses
import hashlib

import numpy as np

from keras_transfer.transferability.checking import checked_features

# Cosine of centred features above which two photos are one. Chosen on training
# photos of flowers5 and trashnet6 with re-encoded, cropped and brightened
# copies of 30 of them (benchmarks/data_check_finds.py).
SIMILAR = 0.95
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


def near_duplicates(features, *, least=SIMILAR, most=1000):
    """Returns pairs of samples whose features point the same way.

    The cosine is taken of features minus their mean over all samples, which
    all photos share. Goes through blocks of rows, so that no matrix of all
    pairs is in memory.

    Args:
        features: `(samples, dimensions)`.
        least: lowest cosine of a pair.
        most: most pairs, the most similar first.

    Returns:
        A list of `Pair`, the most similar first.

    Raises:
        ValueError: features of another shape, or NaN.

    Example:

    ```python
    near_duplicates([[1.0, 0.0], [0.0, 1.0], [1.0, 0.01], [-3.0, -1.0]])
    ```
    """
    x = unit_rows(checked_features(features))
    found = []
    for start in range(0, len(x), _ROWS_A_BLOCK):
        rows = x[start : start + _ROWS_A_BLOCK]
        for other in range(start, len(x), _ROWS_A_BLOCK):
            cosines = rows @ x[other : other + _ROWS_A_BLOCK].T
            i, j = np.nonzero(cosines >= least)
            apart = i + start < j + other
            i, j = i[apart], j[apart]
            found += zip(cosines[i, j], i + start, j + other, strict=True)
            # Where thousands are alike the list would grow without end.
            found = sorted(found, key=lambda row: -row[0])[: 2 * most]
    return [Pair(int(i), int(j), float(c)) for c, i, j in found[:most]]


def equal_samples(digests, *, most=1000):
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


def digest_of(sample):
    """Returns a short digest of an array: its type, shape and bytes."""
    array = np.ascontiguousarray(sample)
    about = f"{array.dtype.str}{array.shape}".encode()
    return hashlib.blake2b(about + array.tobytes(), digest_size=16).digest()


def unit_rows(features):
    """Returns features minus their mean, each row of length 1, as float32.

    A row that is the mean stays 0, and is similar to nothing.
    """
    centred = features - features.mean(axis=0)
    scale = np.abs(centred).max() or 1.0
    centred = (centred / scale).astype("float32")
    lengths = np.linalg.norm(centred, axis=1, keepdims=True)
    return centred / np.maximum(lengths, 1e-12)
