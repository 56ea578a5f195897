"""Which features of the target are matched to which of the source."""

import dataclasses

import numpy as np

from keras_transfer.layers import FeatureAdapter
from keras_transfer.models.matching.taps import Tap, tap_named, taps
from keras_transfer.storage.tables import format_table


@dataclasses.dataclass
class Pair:
    """Features of the source, and those of the target that should be like it.

    Attributes:
        source: the source's `Tap`.
        target: the target's `Tap`.
        adapter: the `FeatureAdapter` behind the target's tap, or `None`.
        loss: the `FeatureMatchingLoss`.
        weight: the pair's share of the matching loss.
        scale: what brings the source's channels to one scale, or `None`.
        similarity: debiased CKA of the target's features with the source's
            before matching, `None` until it is measured.
        similarity_after: the same after it.
    """

    source: Tap
    target: Tap
    adapter: FeatureAdapter | None
    loss: object
    weight: float
    scale: object = None
    similarity: float | None = None
    similarity_after: float | None = None

    @property
    def name(self):
        """What the pair is called in the History."""
        return self.target.name


class Pairs(tuple):
    """The pairs of a `FeatureMatcher`; `print` shows them as a table."""

    def __str__(self):
        columns = [
            "source", "shape", "target", "shape", "adapter", "distance",
            "weight", "CKA before", "after",
        ]  # fmt: skip
        rows = [
            (
                pair.source.name, pair.source.shape,
                pair.target.name, pair.target.shape,
                _described(pair), pair.loss.distance.name,
                f"{pair.weight:.3g}", _number(pair.similarity),
                _number(pair.similarity_after),
            )
            for pair in self
        ]  # fmt: skip
        return format_table(columns, rows, title=f"{len(self)} pairs")


def find_pairs(source, target, pairs, similarity=None):
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


def automatic_pairs(source, target, similarity=None):
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
    images = [
        [t for t in side if len(t.shape) == 3] for side in (source, target)
    ]
    if all(images):
        ends = [_ends_of_stages(side) for side in images]
        by_size = {tap.positions: tap for tap in ends[0]}
        shared = [
            (by_size[tap.positions], tap)
            for tap in ends[1]
            if tap.positions in by_size
        ]
        return shared or _in_order(*ends, similarity)
    steps = [
        [t for t in side if len(t.shape) == 2] for side in (source, target)
    ]
    if all(steps):
        return _in_order(*steps, similarity)
    vectors = [
        [t for t in side if len(t.shape) == 1] for side in (source, target)
    ]
    if all(vectors):
        return _in_order(*vectors, similarity)
    # A map or sequence is averaged to the vector on the other side.
    return [(source[-1], target[-1])] if source and target else []


def adapter_for(source, target, loss, name):
    """Returns the `FeatureAdapter` that a pair needs for its loss, or `None`.

    Losses that compare feature by feature always get a linear map, unless
    they take the features as they come: no two models have the same scales,
    and fewest steps are needed where these are learnt apart.

    Raises:
        ValueError: the target's features cannot be brought to that shape.
    """
    if loss.on_logits and source.shape != target.shape:
        raise ValueError(
            f"'{loss.distance.name}' compares logits of the same classes. "
            f"Received: {source.shape} of the source and {target.shape} of "
            "the target. Pair features, or give both models the same classes."
        )
    wanted = {
        "shape": source.shape,
        "space": (*source.positions, None),
        "channels": (*(None for _ in target.positions), source.shape[-1]),
        "batch": target.shape,
    }[loss.agree]
    have = target.shape
    by_feature = loss.agree == "shape" and not loss.on_logits
    always = by_feature and loss.normalize
    fits = len(wanted) == len(have) and all(
        w is None or w == h for w, h in zip(wanted, have, strict=True)
    )
    if fits and not always:
        return None
    adapter = FeatureAdapter(wanted, always, name=name)
    adapter.build((None, *have))
    return adapter


def _of_rank(rank, *sides):
    return [[t for t in side if len(t.shape) == rank] for side in sides]


def _ends_of_stages(found):
    """The last tap of each run of taps with the same positions."""
    last = {}
    for tap in found:
        last[tap.positions] = tap
    return list(last.values())


def _in_order(source, target, similarity):
    """Pairs each of the shorter side with one of the longer, in order."""
    if similarity is not None:
        closeness = similarity(source, target)
    else:
        closeness = -np.abs(
            np.array([tap.depth for tap in source])[:, None]
            - np.array([tap.depth for tap in target])[None, :]
        )
    chosen = best_in_order(np.nan_to_num(closeness))
    return [(source[i], target[j]) for i, j in chosen]


def best_in_order(closeness):
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


def _listed(pairs):
    if isinstance(pairs, str) or not hasattr(pairs, "__iter__"):
        raise _not_pairs(pairs)
    return list(pairs)


def _explicit(source, target, pair):
    if pair == "logits":
        pair = ("logits", "logits")
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise _not_pairs(pair)
    return (
        tap_named(source, pair[0], "source"),
        tap_named(target, pair[1], "target"),
    )


def _not_pairs(received):
    return ValueError(
        "`pairs` is 'auto' or a list of pairs (source, target), each end the "
        "index or name of a block, the name of a layer, a symbolic tensor or "
        f"'logits'. Received: {received!r}. Example: pairs=[(3, 2), "
        "('block5_pool', -1)]."
    )


def _shapes(found):
    return [tap.shape for tap in found]


def _described(pair):
    if pair.adapter is None:
        return "-"
    return "projection" if pair.adapter.projection is not None else "resize"


def _number(value):
    return "" if value is None else f"{value:.3f}"
