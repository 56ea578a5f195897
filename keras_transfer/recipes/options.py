"""The options of training a head and then the blocks below it.

One set of names for `fine_tune`, `two_stage`, the space of a search and the
command line.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, Literal, TypeAlias, TypeGuard

from keras_transfer.data.mixing import ALPHAS
from keras_transfer.recipes.compiling import OPTIMIZERS
from keras_transfer.training.schedules import whole_number

EFFORTS = ("quick", "normal", "best")
# What is expected, in words and as a function that says whether it is met.
_Expected: TypeAlias = tuple[str, Callable[[Any], bool]]


@dataclasses.dataclass(frozen=True)
class FineTuneOptions:
    """The options that have automatic values, for `None`.

    Attributes are those of `fine_tune`, under the same names.
    """

    epochs: int | None = None
    blocks: int | float | None = None
    learning_rate: float | None = None
    layer_decay: float | None = None
    gradual: bool | None = None
    l2sp: float | None = None
    optimizer: str | None = None
    weight_decay: float | None = None
    head_epochs: int | None = None
    head_learning_rate: float | None = None
    interpolate: bool | None = None
    views: int | None = None
    horizontal_flips: bool | None = None
    folds: int | None = None
    batch_size: int | None = None
    effort: Literal["quick", "normal", "best"] = "normal"
    mixing: Literal["mixup", "cutmix"] | None = None

    def check(self, num_blocks: int) -> None:
        """Raises a `ValueError` that names the option that does not fit."""
        for name, (expected, fits) in _EXPECTED.items():
            value = getattr(self, name)
            if value is not None and not fits(value):
                raise ValueError(
                    f"`{name}` is {expected}, or None for the automatic "
                    f"choice. Received: {name}={value!r}."
                )
        if not _is_share(self.blocks) and (self.blocks or 0) > num_blocks:
            raise ValueError(
                f"The model has {num_blocks} blocks. Received: "
                f"blocks={self.blocks}. Expected 1 to {num_blocks}, a share "
                "of them as a float (1.0 is all), or epochs=0 to train the "
                "head alone."
            )

    def number_of_blocks(self, num_blocks: int) -> int | None:
        """Returns how many of so many blocks are fine-tuned, `None` if open."""
        if _is_share(self.blocks):
            return max(1, round(self.blocks * num_blocks))
        # A whole number, as `check` has found.
        return None if self.blocks is None else int(self.blocks)


def _is_share(value: object) -> TypeGuard[float]:
    return isinstance(value, float) and 0 < value <= 1


def _is_whole(value: object, least: int) -> bool:
    number = whole_number(value)
    return number is not None and number >= least


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


def _is_number(value: object) -> bool:
    return not isinstance(value, bool | str)


def _whole_from(least: int) -> _Expected:
    text = f"a whole number of at least {least}"
    return text, lambda value: _is_whole(value, least)


_FLAG: _Expected = "True, False", _is_flag
_RATE: _Expected = (
    "a number above 0",
    lambda x: _is_number(x) and x > 0,
)
_STRENGTH: _Expected = (
    "a number at least 0",
    lambda x: _is_number(x) and x >= 0,
)
_EXPECTED = {
    "epochs": _whole_from(0),
    "head_epochs": _whole_from(0),
    "views": _whole_from(0),
    "batch_size": _whole_from(1),
    "blocks": (
        "a whole number of at least 1, or a share as a float up to 1.0",
        lambda x: _is_share(x) or _is_whole(x, 1),
    ),
    "folds": (
        "0 for none, or a whole number of at least 2",
        lambda x: x == 0 or _is_whole(x, 2),
    ),
    "gradual": _FLAG,
    "interpolate": _FLAG,
    "horizontal_flips": _FLAG,
    "learning_rate": _RATE,
    "head_learning_rate": _RATE,
    "layer_decay": (
        "a number above 0 and at most 1",
        lambda x: _is_number(x) and 0 < x <= 1,
    ),
    "l2sp": _STRENGTH,
    "weight_decay": _STRENGTH,
    "effort": (
        f"one of {', '.join(map(repr, EFFORTS))}",
        lambda x: x in EFFORTS,
    ),
    "mixing": (
        f"one of {', '.join(map(repr, ALPHAS))}",
        lambda x: isinstance(x, str) and x in ALPHAS,
    ),
    "optimizer": (
        f"one of {', '.join(map(repr, OPTIMIZERS))}",
        lambda x: x in OPTIMIZERS,
    ),
}
