"""The decisions of a recipe, and their reasons."""

from typing import TypeVar

from keras_transfer._private.types import Verbose
from keras_transfer.storage.printing import show

T = TypeVar("T")


class DecisionLog:
    """The decisions of one run, each with its reason.

    Args:
        verbose: whether each is printed.

    Attributes:
        rows: one dict each: `choice`, `value`, `reason`.
    """

    def __init__(self, verbose: Verbose):
        self.rows = []
        self.verbose = verbose

    def decide(
        self, name: str, given: T | None, automatic: T, reason: str
    ) -> T:
        """Returns what was given, or else the automatic value."""
        if given is not None:
            automatic, reason = given, "as given"
        self.rows.append({"choice": name, "value": automatic, "reason": reason})
        self.show(f"{name}: {automatic} ({reason})")
        return automatic

    def show(self, line: str) -> None:
        """Prints a line, unless the recipe is to be silent."""
        if self.verbose:
            show(line)
