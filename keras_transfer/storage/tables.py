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
# Characters beside each column.
_BESIDE = 3
# No column of longer cells is narrower.
_LEAST = 4


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
    limit = None if for_file else _terminal_width()
    widths = _widths(columns, rows, limit)
    # As text: a name such as "[conv]" is no markup.
    for name, width in zip(columns, widths, strict=True):
        table.add_column(Text(name), width=width, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    width = max(_whole(widths), cell_len(title) + 1)
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(table)
    return console.file.getvalue().rstrip()


def fits_terminal(columns: Sequence[str], rows: Sequence[Sequence]) -> bool:
    """Returns whether a table can be shown without wrapping its cells.

    Args:
        columns: The headings.
        rows: One sequence of values a row.
    """
    limit = _terminal_width()
    columns, *rows = [[_shown(x) for x in row] for row in (columns, *rows)]
    return limit is None or _whole(_widths(columns, rows, None)) <= limit


def _shown(value: object) -> str:
    return printable(str(value))


def _whole(widths: list[int]) -> int:
    """The width of a table with columns of these widths."""
    return sum(widths) + _BESIDE * len(widths) + 1


def _terminal_width() -> int | None:
    if sys.stdout is None or not sys.stdout.isatty():
        return None
    return shutil.get_terminal_size().columns


def _widths(
    columns: Sequence[str], rows: Sequence[Sequence[str]], limit: int | None
) -> list[int]:
    """The width of each column: as it needs, or as the limit leaves it.

    A number is never broken, even if the table is wider for it.
    """
    cells = list(zip(*rows, strict=True)) or [()] * len(columns)
    natural = [
        max(map(cell_len, (name, *column)))
        for name, column in zip(columns, cells, strict=True)
    ]
    if limit is None:
        return natural
    widths = [
        min(width, max([_LEAST, *map(_unbroken, column)]))
        for width, column in zip(natural, cells, strict=True)
    ]
    for _ in range(limit - _whole(widths)):
        pairs = zip(widths, natural, strict=True)
        lacking = [i for i, (has, needs) in enumerate(pairs) if has < needs]
        if lacking:
            # The narrowest first: short cells stay whole, long ones wrap.
            widths[min(lacking, key=widths.__getitem__)] += 1
    return widths


def _unbroken(cell: str) -> int:
    """How much of a cell has to stand in one line."""
    words = [word for word in cell.split() if word[:1] in "+-.0123456789"]
    return max(map(cell_len, words), default=0)
