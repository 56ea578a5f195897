"""What the user has asked of `fine_tune`; `None` leaves it to the rules."""

import dataclasses

from keras_transfer.training.schedules import whole_number


@dataclasses.dataclass(frozen=True)
class FineTuneOptions:
    """The options of `fine_tune` that have automatic values.

    Attributes are those of `fine_tune`, under the same names.
    """

    epochs: int | None = None
    blocks: int | None = None
    learning_rate: float | None = None
    decay: float | None = None
    gradual: bool | None = None
    l2sp: float | None = None
    interpolate: bool | None = None
    views: int | None = None
    mirror: bool | None = None

    def check(self, num_blocks):
        """Raises a `ValueError` that names the option that does not fit."""
        _whole("epochs", self.epochs, 0)
        _whole("views", self.views, 0)
        _whole("blocks", self.blocks, 1)
        if self.blocks is not None and self.blocks > num_blocks:
            raise ValueError(
                f"The model has {num_blocks} blocks. Received: "
                f"blocks={self.blocks}. Expected 1 to {num_blocks}, or "
                "epochs=0 to train the head alone."
            )
        for name in ("gradual", "interpolate", "mirror"):
            _flag(name, getattr(self, name))
        _number("learning_rate", self.learning_rate, "above 0", _above_zero)
        _number("decay", self.decay, "above 0 and at most 1", _share)
        _number("l2sp", self.l2sp, "at least 0", _not_negative)


def _whole(name, value, least):
    number = whole_number(value)
    if value is not None and (number is None or number < least):
        raise ValueError(
            f"`{name}` is a whole number of at least {least}, or None for "
            f"the automatic choice. Received: {name}={value!r}."
        )


def _flag(name, value):
    if value is not None and not isinstance(value, bool):
        raise ValueError(
            f"`{name}` is True, False, or None for the automatic choice. "
            f"Received: {name}={value!r}."
        )


def _number(name, value, expected, fits):
    if value is None:
        return
    if isinstance(value, bool | str) or not fits(value):
        raise ValueError(
            f"`{name}` is a number {expected}, or None for the automatic "
            f"choice. Received: {name}={value!r}."
        )


def _above_zero(value):
    return value > 0


def _not_negative(value):
    return value >= 0


def _share(value):
    return 0 < value <= 1
