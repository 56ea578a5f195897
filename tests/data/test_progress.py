import sys

import pytest

from keras_transfer.data.progress import progress

pytestmark = pytest.mark.any_backend


@pytest.mark.parametrize("on_terminal", [False, True])
@pytest.mark.parametrize("total", [3, 2500])
def test_every_item_comes_through(monkeypatch, on_terminal, total):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: on_terminal)
    items = progress(iter(range(total)), total, "Counting")
    assert list(items) == list(range(total))


def test_a_bar_shows_on_a_terminal_for_long_passes(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    list(progress(range(2500), 2500, "Counting"))
    assert "Counting" in capsys.readouterr().err
    list(progress(range(10), 10, "Counting"))
    assert capsys.readouterr().err == ""
