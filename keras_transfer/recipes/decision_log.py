"""The decisions of a recipe, and their reasons."""

from keras_transfer.storage.printing import show


class DecisionLog:
    """The decisions of one run, each with its reason.

    Args:
        verbose: whether each is printed.

    Attributes:
        rows: one dict each: `choice`, `value`, `reason`.
    """

    def __init__(self, verbose):
        self.rows = []
        self.verbose = verbose

    def decide(self, name, given, automatic, reason):
        """Returns what was given, or else the automatic value."""
        if given is not None:
            automatic, reason = given, "as given"
        self.rows.append({"choice": name, "value": automatic, "reason": reason})
        self.show(f"{name}: {automatic} ({reason})")
        return automatic

    def show(self, line):
        """Prints a line, unless the recipe is to be silent."""
        if self.verbose:
            show(line)
