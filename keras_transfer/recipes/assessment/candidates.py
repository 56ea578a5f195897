"""Source models to choose from, each with a name and a prior."""

import dataclasses
import os
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

import keras

from keras_transfer._private.types import PathLike
from keras_transfer.backbones.imagenet_accuracy import imagenet_accuracy

# One, several, or several with a name of one's own.
Candidates: TypeAlias = (
    PathLike
    | keras.Model
    | Iterable[PathLike | keras.Model]
    | Mapping[str, PathLike | keras.Model]
)


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A source model that may be taken.

    Attributes:
        name: what tables call it.
        source: as `backbone` of `TransferModel`.
        weights: as in `TransferModel`.
        prior: published accuracy on ImageNet from 0 to 1, or `None`.
    """

    name: str
    source: Any
    weights: PathLike | None
    prior: float | None


def named_candidates(
    candidates: Candidates,
    weights: PathLike | Mapping[str, PathLike | None] | None = "imagenet",
    prior: Mapping[str, float] | None = None,
) -> list[Candidate]:
    """Returns the `Candidate`s of a list or a dict.

    Args:
        candidates: names of `keras.applications`, `.keras` files, `hub:`
            presets and models; or a dict with a name of your own for each.
        weights: as in `TransferModel`, for all; or a dict by name.
        prior: accuracies by name, for what has no published one.

    Raises:
        ValueError: none, or two of one name; names in `weights` or `prior`
            that no candidate has.
    """
    named = _named(candidates)
    by_name = weights if isinstance(weights, Mapping) else {}
    default = "imagenet" if isinstance(weights, Mapping) else weights
    prior = dict(prior or {})
    _check_known("weights", by_name, named)
    _check_known("prior", prior, named)
    _check_shares(prior)
    found = []
    for name, source in named:
        own = by_name.get(name, default)
        published = imagenet_accuracy(source, own)
        found.append(Candidate(name, source, own, prior.get(name, published)))
    return found


def _named(candidates: Candidates) -> list[tuple[str, PathLike | keras.Model]]:
    if isinstance(candidates, Mapping):
        pairs = [(str(name), source) for name, source in candidates.items()]
    elif isinstance(candidates, (str, os.PathLike, keras.Model)):
        pairs = [(_name_of(candidates), candidates)]
    elif candidates is None:
        pairs = []
    else:
        pairs = [(_name_of(source), source) for source in candidates]
    names = [name for name, _ in pairs]
    if not names:
        raise ValueError(
            "There is nothing to rank. Received: no candidate. Expected "
            "names of keras.applications, paths of .keras files or models."
        )
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(
            f"Candidates need names of their own. Received: {twice[0]!r} "
            f"{names.count(twice[0])} times. Pass a dict with a name for each, "
            f"as in {{'{twice[0]} a': first, '{twice[0]} b': second}}."
        )
    return pairs


def _name_of(source: PathLike | keras.Model) -> str:
    if isinstance(source, keras.Model):
        return source.name
    # As it came, so that `TransferModel` takes it.
    return str(source)


def _check_known(
    what: str,
    given: Iterable[str],
    named: list[tuple[str, PathLike | keras.Model]],
) -> None:
    names = [name for name, _ in named]
    for name in given:
        if name not in names:
            raise ValueError(
                f"`{what}` names a candidate that there is not. Received: "
                f"{name!r}. Expected: {', '.join(map(repr, names))}."
            )


def _check_shares(prior: Mapping[str, float]) -> None:
    for name, value in prior.items():
        if not 0 <= value <= 1:
            raise ValueError(
                "`prior` holds accuracies from 0 to 1. Received: "
                f"{value!r} for {name!r}. Divide percentages by 100."
            )
