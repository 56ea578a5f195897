"""What a recipe has chosen, and why."""


class Choices:
    """The choices of one run, each with its reason.

    Args:
        show: called with one line for each.

    Attributes:
        rows: one dict each: `choice`, `value`, `reason`.
    """

    def __init__(self, show=lambda line: None):
        self.rows = []
        self.show = show

    def take(self, name, given, automatic, reason):
        """Returns what was given, or else what the rules say."""
        if given is not None:
            automatic, reason = given, "as given"
        self.rows.append({"choice": name, "value": automatic, "reason": reason})
        self.show(f"{name}: {automatic} ({reason})")
        return automatic
