"""Tables for people: rows of text, aligned."""

import io
from collections.abc import Sequence


def format_table(
    columns: Sequence[str], rows: Sequence[Sequence], title: str = ""
) -> str:
    """Formats rows as a table, with `rich` if it is installed.

    Args:
        columns: The headings.
        rows: One sequence of values a row, as many as there are columns.
        title: A line above the table.

    Returns:
        Text of several lines, without colours.

    Examples:
        >>> print(format_table(["layer", "status"], [["conv1", "copied"]]))
    """
    texts = [[str(value) for value in row] for row in rows]
    try:
        return _rich_table(columns, texts, title)
    except ImportError:
        return _plain_table(columns, texts, title)


def _rich_table(columns, rows, title):
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(
        *columns, title=title or None, title_justify="left", box=SIMPLE_HEAD
    )
    for row in rows:
        # As text: a name such as "[conv]" is no markup.
        table.add_row(*map(Text, row))
    # As wide as it needs to be, so that it reads the same in a file.
    width = max(_width(columns, rows) + 4 * len(columns), len(title) + 1)
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(table)
    return console.file.getvalue().rstrip()


def _plain_table(columns, rows, title):
    widths = [
        max(map(len, column)) for column in zip(columns, *rows, strict=True)
    ]
    lines = [
        "  ".join(map(str.ljust, row, widths)).rstrip()
        for row in [columns, ["-" * width for width in widths], *rows]
    ]
    return "\n".join(([title] if title else []) + lines)


def _width(columns, rows):
    return sum(
        max(map(len, column)) for column in zip(columns, *rows, strict=True)
    )
