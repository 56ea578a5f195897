"""Tables for people: rows of text, aligned."""

import io
import shutil
import sys
from collections.abc import Sequence

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from keras_transfer.storage.printing import can_show, printable

# SIMPLE_HEAD for outputs that cannot show its line.
_PLAIN = box.Box("    \n    \n -- \n    \n    \n    \n    \n    \n", ascii=True)


def format_table(
    columns: Sequence[str],
    rows: Sequence[Sequence],
    title: str = "",
    *,
    for_file: bool = False,
) -> str:
    """Formats rows as a table for standard output.

    On a terminal, cells are wrapped to its width. What standard output cannot
    show is escaped.

    Args:
        columns: The headings.
        rows: One sequence of values a row, as many as there are columns.
        title: A line above the table.
        for_file: Whether it is for a UTF-8 file: as wide as it needs to be,
            with all characters.

    Returns:
        Text of several lines, without colours.

    Examples:
        >>> print(format_table(["layer", "status"], [["conv1", "copied"]]))
    """
    shown = str if for_file else _shown
    columns, *rows = [[shown(x) for x in row] for row in (columns, *rows)]
    plain = not for_file and not can_show("\u2500")
    table = Table(
        title=Text(shown(title)) if title else None,
        title_justify="left",
        box=_PLAIN if plain else box.SIMPLE_HEAD,
    )
    # As text: a name such as "[conv]" is no markup.
    for column in columns:
        table.add_column(Text(column), overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    width = _natural_width(columns, rows, shown(title))
    if not for_file and sys.stdout is not None and sys.stdout.isatty():
        width = min(width, shutil.get_terminal_size().columns)
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(table)
    return console.file.getvalue().rstrip()


def _shown(value):
    return printable(str(value))


def _natural_width(columns, rows, title):
    """The width in which no cell has to be wrapped."""
    widths = [
        max(map(cell_len, column))
        for column in zip(columns, *rows, strict=True)
    ]
    return max(sum(widths) + 4 * len(columns), cell_len(title) + 1)
