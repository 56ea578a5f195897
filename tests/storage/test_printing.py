"""Outputs that are less than UTF-8 show all, and end nothing."""

import ast
import io
import sys
from pathlib import Path

import pytest

import keras_transfer
from keras_transfer.recipes.decision_log import DecisionLog
from keras_transfer.storage.printing import (
    note,
    show,
    silent_at_verbose_0,
    verbosity,
)
from keras_transfer.storage.progress_bars import progress_bar
from keras_transfer.storage.tables import fits_terminal, format_table

pytestmark = pytest.mark.any_backend

ROWS = [["caf\u00e9", "copied"], ["\u65e5\u672c", "left \udce9"]]


class Terminal(io.TextIOWrapper):
    def isatty(self):
        return True


def output(monkeypatch, encoding, kind=io.TextIOWrapper):
    """Standard output of an encoding, strict as in a pipe."""
    stream = kind(io.BytesIO(), encoding, "strict")
    monkeypatch.setattr(sys, "stdout", stream)
    return stream


def written(stream):
    stream.flush()
    return stream.buffer.getvalue().decode(stream.encoding)


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_a_table_can_be_printed(encoding, monkeypatch):
    stream = output(monkeypatch, encoding)
    print(format_table(["layer", "status"], ROWS, "caf\u00e9"))
    text = written(stream)
    assert "copied" in text and "left \\udce9" in text
    assert ("\u2500" in text) == (encoding == "utf-8")
    assert ("---" in text) == (encoding != "utf-8")
    assert ("caf\u00e9" in text) == (encoding != "ascii")
    assert ("\\u65e5" in text) == (encoding != "utf-8")
    # A table for a file does not care where the program prints to.
    whole = format_table(["layer", "status"], ROWS, for_file=True)
    assert "\u2500" in whole and "\udce9" in whole


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_what_a_recipe_says_can_be_printed(encoding, monkeypatch):
    stream = output(monkeypatch, encoding)
    DecisionLog(verbose=True).decide("class", None, "\u65e5", "\udce9")
    show("+/-")
    assert "(\\udce9)" in written(stream)
    assert ("\\u65e5" in written(stream)) == (encoding != "utf-8")


def test_no_output_at_all(monkeypatch):
    # As with pythonw, and as a StringIO has no encoding.
    monkeypatch.setattr(sys, "stdout", None)
    assert "\u2500" in format_table(["layer"], [["conv"]])
    show("nothing happens")
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    show("caf\u00e9")
    assert sys.stdout.getvalue() == "caf\u00e9\n"


def test_a_table_is_as_wide_as_the_terminal_at_most(monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    rows = [["x" * 30, "y" * 30], ["short", "short"]]
    output(monkeypatch, "utf-8", Terminal)
    lines = format_table(["one", "two"], rows).splitlines()
    assert max(map(len, lines)) == 40
    assert "".join(lines).count("x") == 30
    for_file = format_table(["one", "two"], rows, for_file=True)
    assert "x" * 30 in for_file and "y" * 30 in for_file
    assert fits_terminal(["one"], [["x" * 30]])
    assert not fits_terminal(["one", "two"], rows)
    # A pipe or a notebook has no width.
    output(monkeypatch, "utf-8")
    assert format_table(["one", "two"], rows) == for_file


def test_numbers_are_never_broken(monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    output(monkeypatch, "utf-8", Terminal)
    numbers = ["0.901 .. 0.923", "-0.1234", "1234567"]
    columns = ["backbone", "95 %", "M parameters", "samples"]
    lines = format_table(columns, [["EfficientNetV2B0", *numbers]]).splitlines()
    words = [word for line in lines for word in line.split()]
    assert {"0.901", "0.923", "-0.1234", "1234567"} <= set(words)
    assert max(map(len, lines)) == 40
    # With no room for them the table is wider than the terminal.
    monkeypatch.setenv("COLUMNS", "10")
    again = format_table(columns, [["EfficientNetV2B0", *numbers]])
    assert {"0.901", "0.923", "-0.1234", "1234567"} <= set(again.split())


def test_wide_characters_are_not_wrapped():
    name = "\u65e5\u672c" * 20
    assert name in format_table(["class"], [[name]], for_file=True)


def sentences(path):
    """The texts in a file that are not docstrings."""
    tree = ast.parse(path.read_text("utf-8"))
    docs = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in docs:
            yield str(node.value)


def test_the_package_itself_says_only_ascii():
    folder = Path(keras_transfer.__file__).parent
    found = [
        (path.name, text)
        for path in folder.rglob("*.py")
        for text in sentences(path)
        if not text.isascii()
    ]
    # The lines of tables and of bars, each where it can be shown.
    assert sorted(found) == [("printing.py", "\u2501"), ("tables.py", "\u2500")]


@silent_at_verbose_0
def noting(text, verbose="auto"):
    note(text)
    show("asked for")


def test_notes_obey_verbose_0_only(capsys):
    note("a")
    noting("b")
    noting("c", 0)
    noting("d", verbose=0)
    noting("e", verbose=2)
    note("f")
    said = capsys.readouterr().out.split("\n")
    asked = said.count("asked for")
    assert [line for line in said if line not in ("asked for", "")] == [
        "a", "b", "e", "f",
    ]  # fmt: skip
    assert asked == 4


def test_bars_move_on_a_terminal_only(monkeypatch):
    stream = output(monkeypatch, "utf-8")
    assert verbosity("auto") == 2
    assert [verbosity(each) for each in (0, 1, 2)] == [0, 1, 2]
    progress_bar(3, 1, unit_name="photo").update(3)
    assert written(stream).startswith("3/3 - 0s")
    assert not set("\b\r\x1b") & set(written(stream))
    stream = output(monkeypatch, "utf-8", Terminal)
    assert verbosity("auto") == 1
    progress_bar(3, "auto", unit_name="photo").update(3)
    assert "\r" in written(stream)
    before = written(stream)
    progress_bar(3, 0).update(3)
    assert written(stream) == before
    # The characters of a bar are not in every encoding.
    output(monkeypatch, "ascii", Terminal)
    assert verbosity("auto") == 2
