"""Names of classes and targets: one spelling, on one line, in UTF-8."""

import contextlib
import unicodedata
from collections.abc import Iterable
from typing import overload

# Categories of Unicode: control characters, ends of lines and paragraphs, and
# the surrogates that stand for bytes that are not UTF-8.
_REFUSED = {"Cc", "Zl", "Zp", "Cs"}


def one_spelling(name: object) -> str:
    """Returns a name in the normal form NFC.

    macOS writes an accented letter as two characters (NFD), other systems as
    one: the same folder then has two names that look alike.
    """
    text = str(name)
    # Python escapes each byte where the locale has no UTF-8.
    with contextlib.suppress(UnicodeError):
        text = text.encode("utf-8", "surrogateescape").decode()
    return unicodedata.normalize("NFC", text)


def checked_name(name: object) -> str:
    """Returns a name in one spelling, if a label can have it.

    Raises:
        ValueError: it is not UTF-8, or has a line break or another control
            character, which `classes.txt` and a SavedModel cannot hold.
    """
    found = one_spelling(name)
    wrong = [each for each in found if unicodedata.category(each) in _REFUSED]
    if not wrong:
        return found
    what = "bytes that are not UTF-8"
    if unicodedata.category(wrong[0]) != "Cs":
        what = f"the control character {wrong[0]!a}"
    raise ValueError(
        f"The class or target name {found!a} has {what}. Expected a name on "
        "one line, in UTF-8, as it goes into classes.txt and the exported "
        "labels. Rename it; `convmv -f latin1 -t utf8 --notest -r FOLDER` "
        "renames folders of an older encoding."
    )


@overload
def checked_names(names: None) -> None: ...


@overload
def checked_names(names: dict[str, Iterable]) -> dict[str, list[str]]: ...


@overload
def checked_names(names: Iterable) -> list[str]: ...


def checked_names(
    names: Iterable | dict[str, Iterable] | None,
) -> list[str] | dict[str, list[str]] | None:
    """Returns the names in one spelling, `None` where there are none.

    Args:
        names: a list, or a dict with one by name of an output.

    Raises:
        ValueError: one of them can be no label, or they are one text.
    """
    if isinstance(names, str):
        raise ValueError(
            f"Names of classes are a list. Received: the text {names!a}. "
            "Expected one name a class."
        )
    if isinstance(names, dict):
        return {output: checked_names(each) for output, each in names.items()}
    return None if names is None else [checked_name(name) for name in names]
