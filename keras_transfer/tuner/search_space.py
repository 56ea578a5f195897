"""The hyperparameters of a search, as plain Python values."""

from __future__ import annotations

import dataclasses
import numbers
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from keras_transfer.recipes.compiling import OPTIMIZERS
from keras_transfer.tuner.settings import Settings

if TYPE_CHECKING:
    import keras_tuner

# A hyperparameter: a name, a number, a flag, or `None` for `fine_tune`'s own.
Value: TypeAlias = str | int | float | None
# What a space says of it: a value, a list of them, or a range.
Values: TypeAlias = Any
Space: TypeAlias = dict[str, Values]

# Shares of the blocks, from the top.
_THIRD = 1 / 3

# What is taken where nothing is searched; a backbone, the first, is given.
DEFAULTS: Space = {
    field.name: field.default
    for field in dataclasses.fields(Settings)
    if field.name not in ("backbone", "recipe")
}

SMALL: Space = {
    "hidden_units": [0, 256],
    "dropout": (0.0, 0.5),
    "head_learning_rate": (3e-4, 3e-3, "log"),
    "batch_size": [16, 32],
    "blocks": [_THIRD, 1.0],
    "learning_rate": (3e-5, 1e-3, "log"),
    "layer_decay": [1.0, 0.8],
}

FULL: Space = SMALL | {
    "hidden_units": [0, 128, 512],
    "pooling": ["avg", "max"],
    "label_smoothing": [0.0, 0.1],
    "augmentation": [0.0, 0.1, 0.2],
    "optimizer": ["adam", "adamw", "sgd"],
    "weight_decay": (1e-5, 1e-1, "log"),
    "blocks": [0.0, _THIRD, 1.0],
    "layer_decay": [1.0, 0.8, 0.6],
    "gradual": [False, True],
    "l2sp": [0.0, 1e-3, 1e-2],
}

NAMED = {"small": SMALL, "full": FULL}

# Hyperparameters that are whole numbers, in a range too.
_WHOLE = ("batch_size", "hidden_units")


def _trains(blocks: float | None) -> bool:
    return blocks is None or blocks > 0


# What only matters for some values of another one. `None` is what `fine_tune`
# picks.
ONLY_WITH: dict[str, tuple[str, Callable[[Any], bool]]] = {
    # A linear head is solved.
    "dropout": ("hidden_units", lambda value: value > 0),
    "head_learning_rate": ("hidden_units", lambda value: value > 0),
    "learning_rate": ("blocks", _trains),
    "layer_decay": ("blocks", _trains),
    "gradual": ("blocks", _trains),
    "l2sp": ("blocks", _trains),
    "optimizer": ("blocks", _trains),
    "weight_decay": ("optimizer", lambda value: value in (None, "adamw")),
}


def space_of(space: str | Space, backbones: Sequence[str]) -> Space:
    """Returns a space as a dict of all names, `"backbone"` among them.

    Args:
        space: `"small"`, `"full"`, or a dict from names to a value, a list of
            values, or a range `(low, high)` or `(low, high, "log")`. Of what
            a dict does not name the default is taken.
        backbones: list of backbones.

    Raises:
        ValueError: a name that does not exist, a range that is none, or
            nothing to choose from.
    """
    if isinstance(space, str) and space in NAMED:
        space = NAMED[space]
    if not isinstance(space, dict):
        raise ValueError(
            "`space` is 'small', 'full' or a dict from names to values, lists "
            f"or ranges. Received: {space!r}."
        )
    unknown = sorted(set(space) - set(DEFAULTS))
    if unknown:
        raise ValueError(
            f"There is no hyperparameter {unknown[0]!r}. Expected some of "
            f"{', '.join(map(repr, DEFAULTS))}."
        )
    whole = {"backbone": list(backbones)} | DEFAULTS | space
    for name, values in whole.items():
        _check(name, values)
    if not any(is_open(values) for values in whole.values()):
        raise ValueError(
            "There is nothing to search: each hyperparameter has one value. "
            f"Received: space={space!r}, backbones={list(backbones)!r}. Give "
            "one of them a list or a range, or use `fine_tune`."
        )
    return whole


def space_for(name: str, num_samples: int) -> Space:
    """Returns a named space whose batches are no larger than the data.

    Args:
        name: `"small"` or `"full"`.
        num_samples: number of training samples.
    """
    space = NAMED[name]
    sizes = [size for size in space["batch_size"] if size <= num_samples]
    return space | {"batch_size": sizes or [num_samples]}


def is_open(values: Values) -> bool:
    """Whether there is more than one value to choose from."""
    if isinstance(values, tuple):
        return values[0] != values[1]
    return len(ends_of(values)) > 1


def ends_of(values: Values) -> Sequence[Any]:
    """Returns the ends of a range, or all values that are listed."""
    if isinstance(values, tuple):
        # A third entry says how it is drawn.
        return values[:2]
    return values if isinstance(values, list) else [values]


def parents_of(name: str) -> Iterator[tuple[str, Callable[[Any], bool]]]:
    """Yields what a hyperparameter depends on, the nearest first.

    Each is a name and a function that says for which of its values the
    hyperparameter matters.
    """
    while name in ONLY_WITH:
        name, fits = ONLY_WITH[name]
        yield name, fits


def matters(name: str, found: dict[str, Any]) -> bool:
    """Returns whether a hyperparameter matters beside the values of others."""
    return all(fits(found[parent]) for parent, fits in parents_of(name))


def inactive(name: str, values: Values) -> Value:
    """Returns what is taken where a hyperparameter does not matter."""
    return DEFAULTS[name] if is_open(values) else ends_of(values)[0]


def choose(hp: keras_tuner.HyperParameters, name: str, values: Values) -> Value:
    """Returns the value that KerasTuner picks.

    Args:
        hp: `keras_tuner.HyperParameters`.
        name: of the hyperparameter.
        values: as in a space.
    """
    if not is_open(values):
        return ends_of(values)[0]
    if isinstance(values, list):
        return hp.Choice(name, values)
    low, high, *log = values
    sampling = "log" if log else "linear"
    if name in _WHOLE or all(isinstance(end, int) for end in (low, high)):
        return hp.Int(name, low, high, sampling=sampling)
    return hp.Float(name, low, high, sampling=sampling)


def _check(name: str, values: Values) -> None:
    if isinstance(values, list) and not values:
        raise ValueError(f"The list of {name!r} is empty. Expected a value.")
    if not isinstance(values, tuple):
        if name == "optimizer":
            _check_optimizers(values)
        return
    ends, log = values[:2], values[2:]
    fits = len(ends) == 2 and all(isinstance(e, numbers.Real) for e in ends)
    if fits:
        low, high = ends
        fits = low <= high and (not log or (log == ("log",) and low > 0))
    if not fits:
        raise ValueError(
            f"The range of {name!r} is (low, high), or (low, high, 'log') "
            f"above 0. Received: {values!r}."
        )


def _check_optimizers(values: Values) -> None:
    known = {None, *OPTIMIZERS}
    unknown = [each for each in ends_of(values) if each not in known]
    if unknown:
        raise ValueError(
            f"There is no optimizer {unknown[0]!r} to search. Expected some "
            f"of {', '.join(map(repr, OPTIMIZERS))}."
        )
