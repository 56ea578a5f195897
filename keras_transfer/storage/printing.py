"""Text for standard output, whatever characters that can show."""

import sys


def show(text) -> None:
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


def can_show(text: str) -> bool:
    """Returns whether standard output can show a text as it is."""
    return printable(text) == text


def output_encoding() -> str:
    """Returns the encoding of standard output, UTF-8 where it has none."""
    return getattr(sys.stdout, "encoding", None) or "utf-8"
