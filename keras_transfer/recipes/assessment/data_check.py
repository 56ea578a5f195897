"""What may be wrong with the data: all from one pass over them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from keras_transfer.recipes.assessment.pixel_check import pixel_faults
from keras_transfer.transferability import (
    equal_samples,
    label_errors,
    near_duplicates,
    outliers,
)
from keras_transfer.transferability.near_duplicates import digest_of

if TYPE_CHECKING:
    from keras_transfer.recipes.assessment.collected import Collected
    from keras_transfer.recipes.assessment.out_of_fold import OutOfFold
    from keras_transfer.transferability.near_duplicates import Pair


@dataclasses.dataclass(frozen=True)
class Finding:
    """Something about one sample, or a pair of samples.

    Attributes:
        kind: `"exact duplicate"`, `"near duplicate"`, `"label"`,
            `"unlike all others"`, `"dark"`, `"blank"` or `"tiny"`.
        samples: files, or part and number, of one sample or two.
        places: `(part, number)` of each.
        value: similarity, probability of the label, distance or what was
            measured.
        detail: the labels of a pair, or what is suggested.
        across: whether a pair lies in two parts of the data.
    """

    kind: str
    samples: tuple
    places: tuple
    value: float
    detail: str = ""
    across: bool = False


def check_data(
    parts: Sequence[Collected],
    probe: OutOfFold | None,
    class_names: Sequence[str],
    *,
    pixels: bool = True,
) -> list[Finding]:
    """Returns all `Finding`s, the likeliest of each kind first.

    Args:
        parts: the `Collected` of `"train"`, and of what else there is.
        probe: the `OutOfFold` of the training part, or `None`.
        class_names: names by label.
        pixels: whether the samples themselves were read.
    """
    train = parts[0]
    found = _duplicates(parts, class_names, pixels)
    if probe is not None:
        found += _labels(train, probe, class_names)
    found += [
        _one(train, "unlike all others", int(number), float(distance))
        for number, distance in zip(*outliers(train.features), strict=True)
    ]
    if pixels:
        found += [
            _one(part, each.fault, each.sample, each.value)
            for part in parts
            for each in pixel_faults(part.notes)
        ]
    return found


def _duplicates(
    parts: Sequence[Collected], class_names: Sequence[str], pixels: bool
) -> list[Finding]:
    places = [(part, n) for part in parts for n in range(len(part))]
    features = np.concatenate([part.features for part in parts])
    if pixels:
        digests = [part.notes.digests[n] for part, n in places]
    else:
        # Equal pixels give equal features, from batches of one size.
        digests = [digest_of(row) for row in features]
    exact = equal_samples(digests)
    known = {digests[pair.second] for pair in exact}
    near = [
        pair
        for pair in near_duplicates(features)
        if digests[pair.first] != digests[pair.second]
        or digests[pair.first] not in known
    ]
    return [
        _pair(kind, pair, places, class_names)
        for kind, pairs in (
            ("exact duplicate", exact),
            ("near duplicate", near),
        )
        for pair in pairs
    ]


def _pair(
    kind: str,
    pair: Pair,
    places: list[tuple[Collected, int]],
    class_names: Sequence[str],
) -> Finding:
    both = [places[pair.first], places[pair.second]]
    names = [_name_of(class_names, part, n) for part, n in both]
    return Finding(
        kind,
        tuple(part.label_of(n) for part, n in both),
        tuple((part.name, n) for part, n in both),
        pair.similarity,
        " | ".join(dict.fromkeys(name for name in names if name)),
        both[0][0].name != both[1][0].name,
    )


def _labels(
    train: Collected, probe: OutOfFold, class_names: Sequence[str]
) -> list[Finding]:
    found = label_errors(probe.probabilities, train.labels)
    return [
        _one(
            train, "label", each.sample, each.confidence,
            f"{class_names[each.given]} -> {class_names[each.suggested]}",
        )
        for each in found
    ]  # fmt: skip


def _one(
    part: Collected, kind: str, number: int, value: float, detail: str = ""
) -> Finding:
    return Finding(
        kind, (part.label_of(number),), ((part.name, number),), value, detail
    )


def _name_of(
    class_names: Sequence[str], part: Collected, number: int
) -> str | None:
    if part.labels is None:
        return None
    return class_names[part.labels[number]]
