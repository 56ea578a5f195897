"""From a decay or multipliers to one factor for each block."""

import math
import re
from collections.abc import Sequence
from typing import TypeAlias

# A factor for each block, or pairs (regex, factor) in an order or as a dict.
Multipliers: TypeAlias = (
    Sequence[float] | Sequence[tuple[str, float]] | dict[str, float]
)


def check_decay(decay: float | None, multipliers: Multipliers | None) -> None:
    """Raises if `decay` does not fit itself or comes with `multipliers`."""
    if decay is not None and multipliers is not None:
        raise ValueError(
            "LayerwiseOptimizer takes `decay` or `multipliers`. Received: "
            f"decay={decay}, multipliers={multipliers}. Leave one of them out."
        )
    if decay is not None and not (_is_number(decay) and decay > 0):
        raise ValueError(
            "`decay` is the factor from one block to the one below it, above "
            f"0. Received: decay={decay!r}. Usual values are 0.65 to 0.95."
        )


def as_config(multipliers: Multipliers | None) -> list | None:
    """Multipliers as lists, which survive JSON."""
    if multipliers is None:
        return None
    if isinstance(multipliers, dict):
        multipliers = multipliers.items()
    return [
        [_checked_pattern(item[0]), _checked_factor(item[1])]
        if isinstance(item, tuple | list)
        else _checked_factor(item)
        for item in multipliers
    ]


def _checked_pattern(pattern: str) -> str:
    try:
        re.compile(pattern)
    except (re.error, TypeError) as error:
        raise ValueError(
            "A multiplier of LayerwiseOptimizer belongs to a regular "
            f"expression. Received: {pattern!r} ({error}). Expected for "
            "example ('block_1[0-6]', 0.5)."
        ) from error
    return pattern


def _checked_factor(factor: float) -> float:
    if not (_is_number(factor) and factor >= 0):
        raise ValueError(
            "A multiplier is a finite number of at least 0. Received: "
            f"{factor!r}. Expected a list of numbers, one for each block, or "
            "pairs (regex, number)."
        )
    return float(factor)


def _is_number(value: object) -> bool:
    """Whether `value` is a finite number, and no `bool`."""
    try:
        return not isinstance(value, str | bool) and math.isfinite(value)  # type: ignore[arg-type]
    except TypeError:
        return False


def of_blocks(
    names: list[str], decay: float | None, multipliers: list | None
) -> list[float]:
    """Returns the factors of the blocks, and last that of the head."""
    if decay is not None:
        return [decay**k for k in range(len(names), -1, -1)]
    if not multipliers:
        return [1.0] * (len(names) + 1)
    if isinstance(multipliers[0], list):
        return _factors_by_name([*names, "head"], multipliers)
    if len(multipliers) != len(names):
        raise ValueError(
            "LayerwiseOptimizer needs one multiplier for each block, from "
            f"input to output. Received: {len(multipliers)} multipliers. "
            f"Expected {len(names)}, for the blocks {', '.join(names)}."
        )
    return [*multipliers, 1.0]


def _factors_by_name(names: list[str], pairs: list) -> list[float]:
    for pattern, _ in pairs:
        if not any(re.search(pattern, name) for name in names):
            raise ValueError(
                "A multiplier of LayerwiseOptimizer fits no block. Received: "
                f"the regular expression {pattern!r}. Expected one that is "
                f"found in a block's name: {', '.join(names)}."
            )
    return [
        next((f for pattern, f in pairs if re.search(pattern, name)), 1.0)
        for name in names
    ]
