"""Text for standard output, whatever characters that can show."""

from __future__ import annotations

import contextlib
import contextvars
import functools
import inspect
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    # It imports Keras, which the command line does without at first.
    from keras_transfer._private.types import Verbose

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")

_IS_SILENT = contextvars.ContextVar("is_silent", default=False)


def show(text: object) -> None:
    """Prints a text; what standard output cannot show is escaped."""
    print(printable(str(text)), flush=True)


def note(text: object) -> None:
    """Shows a text where there is no `verbose` to ask.

    Inside of functions that are called with `verbose=0` it does nothing.
    """
    if not _IS_SILENT.get():
        show(text)


@contextlib.contextmanager
def silent() -> Iterator[None]:
    """Inside, `note` does nothing."""
    token = _IS_SILENT.set(True)
    try:
        yield
    finally:
        _IS_SILENT.reset(token)


def silent_at_verbose_0(
    function: Callable[_Arguments, _Result],
) -> Callable[_Arguments, _Result]:
    """Returns a function within which `note` obeys its `verbose=0`.

    Args:
        function: Has an argument `verbose`, whose default is not 0.
    """
    names = list(inspect.signature(function).parameters)

    @functools.wraps(function)
    def called(*args: _Arguments.args, **options: _Arguments.kwargs) -> _Result:
        given = dict(zip(names, args, strict=False)) | options
        is_silent = given.get("verbose", 1) == 0
        with silent() if is_silent else contextlib.nullcontext():
            return function(*args, **options)

    return called


def verbosity(verbose: Verbose) -> Verbose:
    """Returns `verbose` of Keras for standard output.

    `"auto"` is 1, a bar that moves, on a terminal and in a notebook, and 2, a
    line without control characters, in a pipe or file.
    """
    if verbose != "auto":
        return verbose
    return 1 if shows_bars() else 2


def shows_bars() -> bool:
    """Returns whether standard output can show the moving bars of Keras."""
    is_moving = (
        (sys.stdout is not None and sys.stdout.isatty())
        or "ipykernel" in sys.modules
        or "PYCHARM_HOSTED" in os.environ
    )
    return is_moving and can_show("\u2501")


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


def brief(thing: object, *facts: object) -> str:
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


def shortened(
    lines: Iterable[str], most: int = 20, whole: str = ""
) -> list[str]:
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
