"""How many blocks train in which epoch: pure functions that can be saved.

A schedule maps `(epoch, num_blocks)` to the number of blocks, counted from the
top, that train in that epoch. Epochs count from 0.
"""

import operator
from collections.abc import Callable, Sequence
from typing import Any, Self, TypeAlias

import keras

# A `FreezingSchedule` is one.
Schedule: TypeAlias = Callable[[int, int], int]


class FreezingSchedule:
    """Base of the schedules: `schedule(epoch, num_blocks) -> int`.

    Subclasses implement `__call__` and keep the arguments of their constructor
    as attributes of the same names. A plain function of the same form does as
    well wherever a schedule is taken.

    Examples:
        >>> [GradualUnfreezing(2, epochs_per_block=1)(e, 9) for e in range(5)]
        [0, 0, 1, 2, 3]
    """

    def __call__(self, epoch: int, num_blocks: int) -> int:
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        return dict(vars(self))

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        return cls(**config)

    def __repr__(self) -> str:
        arguments = ", ".join(f"{k}={v}" for k, v in self.get_config().items())
        return f"{type(self).__name__}({arguments})"


@keras.saving.register_keras_serializable(package="keras_transfer")
class LinearProbe(FreezingSchedule):
    """Only the head trains, in every epoch.

    Example:

    ```python
    kt.FreezingScheduler(kt.LinearProbe())
    ```
    """

    def __call__(self, epoch: int, num_blocks: int) -> int:
        return 0


@keras.saving.register_keras_serializable(package="keras_transfer")
class FullFineTuning(FreezingSchedule):
    """Every block trains, in every epoch.

    Example:

    ```python
    kt.FreezingScheduler(kt.FullFineTuning())
    ```
    """

    def __call__(self, epoch: int, num_blocks: int) -> int:
        return num_blocks


@keras.saving.register_keras_serializable(package="keras_transfer")
class GradualUnfreezing(FreezingSchedule):
    """The head first, then block after block from the top.

    Use it when there are enough samples to fine-tune but the features should
    not be spoilt by the first gradients of a random head. From `start_epoch`
    on, `blocks_per_step` more blocks train every `epochs_per_block` epochs:

        steps = 1 + (epoch - start_epoch) // epochs_per_block
        blocks = min(steps * blocks_per_step, max_blocks)

    Args:
        start_epoch: first epoch in which a block trains.
        epochs_per_block: epochs between two steps.
        blocks_per_step: blocks that join at each step.
        max_blocks: most blocks that ever train; `None` is all. More than
            the model has is an error when training begins.

    Raises:
        ValueError: a negative start, or a step of less than one.

    Example:

    ```python
    schedule = kt.GradualUnfreezing(start_epoch=3, epochs_per_block=1)
    model.fit(photos, epochs=12, callbacks=[kt.FreezingScheduler(schedule)])
    ```

    Reference:
        Howard and Ruder 2018, Universal Language Model Fine-tuning for Text
        Classification.
    """

    def __init__(
        self,
        start_epoch: int,
        epochs_per_block: int,
        blocks_per_step: int = 1,
        max_blocks: int | None = None,
    ):
        self.start_epoch = at_least(0, start_epoch, "start_epoch")
        self.epochs_per_block = at_least(
            1, epochs_per_block, "epochs_per_block"
        )
        self.blocks_per_step = at_least(1, blocks_per_step, "blocks_per_step")
        self.max_blocks = max_blocks
        if max_blocks is not None:
            self.max_blocks = at_least(0, max_blocks, "max_blocks")

    def __call__(self, epoch: int, num_blocks: int) -> int:
        if epoch < self.start_epoch:
            return 0
        steps = 1 + (epoch - self.start_epoch) // self.epochs_per_block
        most = num_blocks if self.max_blocks is None else self.max_blocks
        return min(steps * self.blocks_per_step, most)


@keras.saving.register_keras_serializable(package="keras_transfer")
class PiecewiseUnfreezing(FreezingSchedule):
    """A number of blocks for each stretch of epochs; it may go down again.

    `values[0]` holds before epoch `boundaries[0]`, `values[i]` from epoch
    `boundaries[i - 1]` on.

    Args:
        boundaries: epochs, increasing, at which the number changes.
        values: one number of blocks more than there are boundaries.

    Raises:
        ValueError: lengths that do not fit, or boundaries out of order.

    Example:

    ```python
    schedule = kt.PiecewiseUnfreezing([3, 6], [0, 4, 2])
    [schedule(epoch, num_blocks=10) for epoch in (2, 3, 6)]  # [0, 4, 2]
    ```
    """

    def __init__(self, boundaries: Sequence[int], values: Sequence[int]):
        self.boundaries = [at_least(0, b, "boundaries") for b in boundaries]
        self.values = [at_least(0, v, "values") for v in values]
        if len(self.values) != len(self.boundaries) + 1:
            raise ValueError(
                "PiecewiseUnfreezing needs one value more than boundaries. "
                f"Received: {len(self.boundaries)} boundaries, "
                f"{len(self.values)} values. values[0] holds before the first "
                "boundary."
            )
        if sorted(set(self.boundaries)) != self.boundaries:
            raise ValueError(
                "The boundaries of PiecewiseUnfreezing are increasing epochs. "
                f"Received: boundaries={self.boundaries}."
            )

    def __call__(self, epoch: int, num_blocks: int) -> int:
        return self.values[sum(epoch >= b for b in self.boundaries)]


def depth_at(schedule: Schedule, epoch: int, num_blocks: int) -> int:
    """Returns what a schedule says for an epoch, checked.

    Args:
        schedule: a `FreezingSchedule`, or a function of the same form.
        epoch: the epoch, from 0.
        num_blocks: how many blocks the model has.

    Raises:
        ValueError: the schedule asks for a number of blocks that is no whole
            number from 0 to `num_blocks`.
    """
    what = f"what {_name(schedule)} says for epoch {epoch}"
    return checked_depth(schedule(epoch, num_blocks), num_blocks, what)


def checked_depth(depth: int, num_blocks: int, what: str) -> int:
    """Returns `depth` as a whole number of blocks from 0 to `num_blocks`.

    Args:
        depth: what somebody asked for.
        num_blocks: how many blocks there are.
        what: where `depth` comes from, for the message.

    Raises:
        ValueError: it is no such number.
    """
    number = whole_number(depth)
    if number is None or not 0 <= number <= num_blocks:
        raise ValueError(
            f"The number of trainable blocks does not fit: {what}. Received: "
            f"{depth!r}. Expected a whole number from 0 (only the head "
            f"trains) to {num_blocks} (everything trains). `model.blocks` "
            "lists the blocks of a TransferModel from input to output."
        )
    return number


def whole_number(value: object) -> int | None:
    """Returns `value` as an `int`, or `None` if it is no whole number."""
    if isinstance(value, bool):
        return None
    try:
        return operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        return None


def at_least(smallest: int, value: int, name: str, of: str = "") -> int:
    """Returns `value` as an `int`.

    Args:
        smallest: the smallest that will do.
        value: what somebody gave.
        name: name of the argument, for the message.
        of: for the message too, what the argument is one of.

    Raises:
        ValueError: it is no whole number, or a smaller one.
    """
    number = whole_number(value)
    if number is None or number < smallest:
        raise ValueError(
            f"`{name}`{of} is a whole number of at least {smallest}. Received: "
            f"{name}={value!r}."
        )
    return number


def _name(schedule: Schedule) -> str:
    named = getattr(schedule, "__name__", None)
    return repr(schedule) if named is None else f"the function {named!r}"
