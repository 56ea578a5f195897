"""Tables are text, aligned, and what they show is no markup."""

import pytest

from keras_transfer.storage.tables import format_table

pytestmark = pytest.mark.any_backend

COLUMNS = ["layer", "status"]
ROWS = [["conv1", "copied"], ["[b]head[/b]", 3]]


def lines_of(*table):
    return [line.rstrip() for line in format_table(*table).splitlines()]


def test_a_table_by_hand():
    assert lines_of(COLUMNS, ROWS, "two layers") == [
        "two layers",
        "",
        "  layer         status",
        " " + 22 * "\u2500",
        "  conv1         copied",
        "  [b]head[/b]   3",
    ]


@pytest.mark.parametrize("title", ["", "nothing"])
def test_no_rows(title):
    assert lines_of(COLUMNS, [], title) == [
        *([title] if title else []),
        "",
        "  layer   status",
        " " + 16 * "\u2500",
    ]
