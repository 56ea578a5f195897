"""Which features of the target are matched to which of the source."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import keras
import numpy as np

from keras_transfer.models.matching.taps import TapSimilarity, tap_named, taps

if TYPE_CHECKING:
    from keras_transfer.models.matching.taps import Tap


def find_pairs(
    source: keras.Model,
    target: keras.Model,
    pairs: str | Sequence,
    similarity: TapSimilarity | None = None,
) -> list[tuple[Tap, Tap]]:
    """Returns pairs of `Tap`s, `(source, target)`, from input to output.

    Args:
        source: the source model.
        target: the target model.
        pairs: `"auto"`, or a list of pairs, source first, each end one of the
            references that `tap_named` takes.
        similarity: for `"auto"`, `f(source taps, target taps)` that returns a
            matrix of similarities. It decides where several would fit.

    Raises:
        ValueError: there are none.
    """
    if isinstance(pairs, str) and pairs == "auto":
        found = automatic_pairs(taps(source), taps(target), similarity)
    else:
        found = [_explicit(source, target, pair) for pair in _listed(pairs)]
    # What has no positions on one side can only be compared without them.
    found = [
        (a.pooled() if len(a.shape) != len(b.shape) else a, b) for a, b in found
    ]
    if not found:
        raise ValueError(
            "There is nothing to match: no features of the source "
            f"'{source.name}' correspond to features of the target "
            f"'{target.name}'. Received: pairs={pairs!r}; features of the "
            f"source {_shapes(taps(source))}, of the target "
            f"{_shapes(taps(target))}. Name them: "
            "pairs=[(source block, target block), ...]."
        )
    return found


def automatic_pairs(
    source: list[Tap],
    target: list[Tap],
    similarity: TapSimilarity | None = None,
) -> list[tuple[Tap, Tap]]:
    """Pairs the ends of stages of one size, or else of one relative depth.

    A stage is a run of features with the same positions (of images the same
    height and width); its last features have seen most. Where both models
    have a stage of that size, its ends are a pair. Where no size is shared,
    and in sequences, where all have the same, stages (or layers) are paired
    in order: by similarity if it is known, else by relative depth.

    Args:
        source: the source's `Tap`s.
        target: the target's `Tap`s.
        similarity: as for `find_pairs`.

    Returns:
        Pairs of `Tap`s from input to output.
    """
    images = _of_rank(3, source, target)
    if all(images):
        ends = [_ends_of_stages(side) for side in images]
        by_size = {tap.positions: tap for tap in ends[0]}
        shared = [
            (by_size[tap.positions], tap)
            for tap in ends[1]
            if tap.positions in by_size
        ]
        return shared or _in_order(ends[0], ends[1], similarity)
    for rank in (2, 1):
        sequences_or_vectors = _of_rank(rank, source, target)
        if all(sequences_or_vectors):
            theirs, ours = sequences_or_vectors
            return _in_order(theirs, ours, similarity)
    # A map or sequence is averaged to the vector on the other side.
    return [(source[-1], target[-1])] if source and target else []


def _of_rank(rank: int, *sides: list[Tap]) -> list[list[Tap]]:
    return [[t for t in side if len(t.shape) == rank] for side in sides]


def _ends_of_stages(found: list[Tap]) -> list[Tap]:
    """The last tap of each run of taps with the same positions."""
    # Of equal keys a dict keeps the place of the first and the last value.
    return list({tap.positions: tap for tap in found}.values())


def _in_order(
    source: list[Tap], target: list[Tap], similarity: TapSimilarity | None
) -> list[tuple[Tap, Tap]]:
    """Pairs each of the shorter side with one of the longer, in order."""
    if similarity is not None:
        closeness = similarity(source, target)
    else:
        depths = [np.array([tap.depth for tap in x]) for x in (source, target)]
        closeness = -np.abs(np.subtract.outer(*depths))
    chosen = best_in_order(np.nan_to_num(closeness))
    return [(source[i], target[j]) for i, j in chosen]


def best_in_order(closeness: np.ndarray) -> list[tuple[int, int]]:
    """Pairs rows and columns in rising order with the largest total.

    As many pairs as the shorter side has members.

    Args:
        closeness: matrix `(rows, columns)`.

    Returns:
        List of `(row, column)`, both rising.

    Examples:
        >>> best_in_order(np.eye(2))
        [(0, 0), (1, 1)]
    """
    if closeness.shape[0] > closeness.shape[1]:
        return [(i, j) for j, i in best_in_order(closeness.T)]
    rows, columns = closeness.shape
    # The best total of the first i rows within the first j columns.
    total = np.full((rows + 1, columns + 1), -np.inf)
    total[0] = 0.0
    for i in range(1, rows + 1):
        for j in range(i, columns + 1):
            with_it = total[i - 1, j - 1] + closeness[i - 1, j - 1]
            total[i, j] = max(total[i, j - 1], with_it)
    pairs, i, j = [], rows, columns
    while i:
        if total[i, j] == total[i, j - 1]:
            j -= 1
        else:
            pairs.append((i - 1, j - 1))
            i, j = i - 1, j - 1
    return pairs[::-1]


def _listed(pairs: str | Iterable) -> list:
    if isinstance(pairs, str) or not hasattr(pairs, "__iter__"):
        raise _not_pairs(pairs)
    return list(pairs)


def _explicit(
    source: keras.Model, target: keras.Model, pair: str | Sequence
) -> tuple[Tap, Tap]:
    if pair == "logits":
        pair = ("logits", "logits")
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise _not_pairs(pair)
    return (
        tap_named(source, pair[0], "source"),
        tap_named(target, pair[1], "target"),
    )


def _not_pairs(received: object) -> ValueError:
    return ValueError(
        "`pairs` is 'auto' or a list of pairs (source, target), each end the "
        "index or name of a block, the name of a layer, a symbolic tensor or "
        f"'logits'. Received: {received!r}. Example: pairs=[(3, 2), "
        "('block5_pool', -1)]."
    )


def _shapes(found: Iterable[Tap]) -> list[tuple]:
    return [tap.shape for tap in found]
