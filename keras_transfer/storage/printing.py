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


def brief(thing, *facts) -> str:
    """Returns a line of at most 100 characters for `repr`.

    Args:
        thing: what it is about: its class begins the line.
        *facts: its main figures, in words; empty ones are left out.

    Examples:
        >>> brief(3, "odd", "", "prime")
        '<int: odd, prime>'
    """
    told = ", ".join(str(fact) for fact in facts if fact not in ("", None))
    text = f"{type(thing).__name__}: {told}" if told else type(thing).__name__
    text = " ".join(printable(text).split())
    return f"<{text}>" if len(text) <= 98 else f"<{text[:95]}...>"


def shortened(lines, most: int = 20, whole: str = "") -> list[str]:
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
