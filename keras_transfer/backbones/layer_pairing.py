"""Which layer of one model corresponds to which layer of another."""

import collections
import dataclasses
import itertools
import re
from collections.abc import Sequence

import keras

from keras_transfer import _private


@dataclasses.dataclass(frozen=True, eq=False)
class WeightedLayer:
    """A layer that has weights of its own."""

    layer: keras.layers.Layer
    weights: tuple

    @property
    def name(self) -> str:
        return self.layer.name

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        return tuple(tuple(weight.shape) for weight in self.weights)

    @property
    def signature(self) -> tuple[type, tuple[tuple[int, ...], ...]]:
        return type(self.layer), self.shapes


def own_weights(layer: keras.layers.Layer) -> tuple:
    """The weights of a layer that are not those of a layer inside it."""
    inside = {
        id(weight)
        for child in _private.leaf_layers(layer)
        if child is not layer
        for weight in child.weights
    }
    return tuple(w for w in layer.weights if id(w) not in inside)


def pair_layers(
    old: Sequence[WeightedLayer], new: Sequence[WeightedLayer]
) -> list[tuple[int, int]]:
    """Pairs layers by the names people gave, then by order in between.

    Args:
        old: `WeightedLayer`s of one model, from input to output.
        new: Those of the other.

    Returns:
        List of `(index in old, index in new)`, sorted. Layers paired by name
        are of one class, but their shapes may differ; the others agree in
        both.
    """
    named = _named_pairs(old, new)
    borders = [(-1, -1), *named, (len(old), len(new))]
    if any(a[1] > b[1] for a, b in itertools.pairwise(borders)):
        # The names come in another order, so there is no "in between".
        borders = [borders[0], borders[-1]]
    taken_old = {i for i, _ in named}
    taken_new = {j for _, j in named}
    pairs = list(named)
    for (i, j), (next_i, next_j) in itertools.pairwise(borders):
        rest_old = [k for k in range(i + 1, next_i) if k not in taken_old]
        rest_new = [k for k in range(j + 1, next_j) if k not in taken_new]
        common = longest_common_subsequence(
            [old[k].signature for k in rest_old],
            [new[k].signature for k in rest_new],
        )
        pairs += [(rest_old[a], rest_new[b]) for a, b in common]
    return sorted(pairs)


def _named_pairs(
    old: Sequence[WeightedLayer], new: Sequence[WeightedLayer]
) -> list[tuple[int, int]]:
    old_index, new_index = _index_by_name(old), _index_by_name(new)
    return [
        (i, new_index[name])
        for name, i in old_index.items()
        if name in new_index
        and type(old[i].layer) is type(new[new_index[name]].layer)
    ]


def _index_by_name(leaves: Sequence[WeightedLayer]) -> dict[str, int]:
    """Index of every leaf with a name of its own, in order."""
    counts = collections.Counter(leaf.name for leaf in leaves)
    return {
        leaf.name: index
        for index, leaf in enumerate(leaves)
        if counts[leaf.name] == 1 and not _is_automatic(leaf)
    }


def _is_automatic(leaf: WeightedLayer) -> bool:
    """Whether Keras numbered the name: such names say nothing."""
    name = re.sub(r"_\d+$", "", leaf.name)
    return name.replace("_", "") == type(leaf.layer).__name__.lower()


def longest_common_subsequence(
    first: Sequence, second: Sequence
) -> list[tuple[int, int]]:
    """Pairs of indices of the longest sequence that both have in common.

    Where the next items are equal they pair up at once.

    Args:
        first: A sequence of comparable items.
        second: Another one.

    Returns:
        List of `(index in first, index in second)`, both rising.
    """
    length = [[0] * (len(second) + 1) for _ in range(len(first) + 1)]
    for i in reversed(range(len(first))):
        for j in reversed(range(len(second))):
            if first[i] == second[j]:
                length[i][j] = length[i + 1][j + 1] + 1
            else:
                length[i][j] = max(length[i + 1][j], length[i][j + 1])
    pairs, i, j = [], 0, 0
    while i < len(first) and j < len(second):
        if first[i] == second[j]:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif length[i + 1][j] >= length[i][j + 1]:
            i += 1
        else:
            j += 1
    return pairs
