"""Tables for people: rows of text, aligned."""

import io
from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text


def format_table(
    columns: Sequence[str], rows: Sequence[Sequence], title: str = ""
) -> str:
    """Formats rows as a table.

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
    table = Table(
        *columns, title=title or None, title_justify="left", box=SIMPLE_HEAD
    )
    for row in texts:
        # As text: a name such as "[conv]" is no markup.
        table.add_row(*map(Text, row))
    # As wide as it needs to be, so that it reads the same in a file.
    widths = [
        max(map(len, column)) for column in zip(columns, *texts, strict=True)
    ]
    width = max(sum(widths) + 4 * len(columns), len(title) + 1)
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(table)
    return console.file.getvalue().rstrip()
