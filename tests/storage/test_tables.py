"""Tables read the same with and without rich."""

import builtins

import pytest

from keras_transfer.storage.tables import format_table

pytestmark = pytest.mark.any_backend

COLUMNS = ["layer", "status"]
ROWS = [["conv1", "copied"], ["[b]head[/b]", 3]]


def without_rich(monkeypatch):
    real = builtins.__import__

    def no_rich(name, *args, **kwargs):
        if name.split(".")[0] == "rich":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", no_rich)


def test_plain_text_by_hand(monkeypatch):
    without_rich(monkeypatch)
    assert format_table(COLUMNS, ROWS, "two layers").splitlines() == [
        "two layers",
        "layer        status",
        "-----------  ------",
        "conv1        copied",
        "[b]head[/b]  3",
    ]


def test_rich_shows_the_same_words(monkeypatch):
    pytest.importorskip("rich")
    rich = format_table(COLUMNS, ROWS, "two layers")
    without_rich(monkeypatch)
    plain = format_table(COLUMNS, ROWS, "two layers")
    words = [w for w in plain.split() if not w.startswith("--")]
    assert [w for w in rich.split() if w.strip("\u2500")] == words
    assert "\x1b" not in rich


@pytest.mark.parametrize("title", ["", "nothing"])
def test_no_rows(title, monkeypatch):
    without_rich(monkeypatch)
    lines = format_table(COLUMNS, [], title).splitlines()
    assert lines[-2:] == ["layer  status", "-----  ------"]
