"""Text for standard output, whatever characters that can show."""

import sys
from collections.abc import Iterable


def show(text: object) -> None:
    """Prints a text; what standard output cannot show is escaped."""
    print(printable(str(text)), flush=True)


def printable(text: str) -> str:
    """Returns a text with all that standard output cannot show escaped.

    On Windows and in pipes that is often less than UTF-8. No output shows the
    bytes of a file name that is not UTF-8.

    Examples:
        >>> printable("rose")
        'rose'
    """
    encoding = output_encoding()
    return text.encode(encoding, "backslashreplace").decode(encoding)


def shortened(
    lines: Iterable[str], most: int = 20, whole: str = ""
) -> list[str]:
    """Returns the first lines, and how many more there are.

    Args:
        lines: The lines.
        most: How many to show; one more is shown too.
        whole: What has all of them.

    Examples:
        >>> shortened(["a", "b", "c"], most=1)
        ['a', '... and 2 more']
    """
    lines = list(lines)
    more = len(lines) - most
    where = f": {whole} has all" if whole else ""
    if more < 2:
        return lines
    return [*lines[:most], f"... and {more} more{where}"]


def can_show(text: str) -> bool:
    """Returns whether standard output can show a text as it is."""
    return printable(text) == text


def output_encoding() -> str:
    """Returns the encoding of standard output, UTF-8 where it has none."""
    return getattr(sys.stdout, "encoding", None) or "utf-8"
