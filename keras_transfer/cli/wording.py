"""Errors and warnings of the library in the words of a command."""

import re
from argparse import Action
from collections.abc import Iterable

# Arguments of the library that options have another name for.
_ALIASES = {
    "shots_per_class": "shots",
    "backbones": "backbone",
    "class_weight": "class_weights",
}
# Options that mean something else than what the library calls that.
_OTHERS = {"head", "fine_tune"}
# Functions that a command stands for.
_COMMANDS = {"list_backbones": "keras-transfer backbones"}
_VALUE = (
    r"None|True|False|\.\.\.|'[^']*'|\"[^\"]*\"|-?\d[\w.+-]*\w|-?\d|[A-Z]+\b"
)


def in_words_of(actions: Iterable[Action], text: str) -> str:
    """Returns a text with arguments of the library as options of a command.

    `` `weights=None` `` becomes `` `--weights none` ``, `load(image_size=...)`
    becomes `` `--image-size PX` ``, and `` `epochs` `` `` `--epochs` ``.
    Whatever is no option of the command stays as it is, and so does a call
    with other arguments.

    Args:
        actions: the options of the command, as `argparse` returns them.
        text: what the library says.
    """
    options = {
        each.dest: each
        for each in actions
        if each.option_strings and each.dest not in _OTHERS
    }
    for name, other in _ALIASES.items():
        if other in options:
            options.setdefault(name, options[other])
    names = "|".join(sorted(options, key=len, reverse=True))
    # Not inside of a path, a longer name or an option.
    argument = rf"(?<![\w./-])({names})=({_VALUE}|(?=[`\s]))"

    def with_value(found: re.Match[str]) -> str:
        return _option(options[found[1]], found[2])

    def in_call(found: re.Match[str]) -> str:
        inner = found["inside"].removeprefix("..., ")
        if found["function"] in _COMMANDS:
            return f"`{_COMMANDS[found['function']]}`"
        if re.fullmatch(argument, inner):
            return f"`{re.sub(argument, with_value, inner)}`"
        return found[0]

    def either(found: re.Match[str]) -> str:
        return in_call(found) if found["function"] else with_value(found)

    call = r"`?\b(?P<function>[\w.]+)\((?P<inside>[^()]*)\)`?"
    text = re.sub(f"{argument}|{call}", either, text)
    text = re.sub(
        f"`({names})`", lambda found: f"`{_flag(options[found[1]])}`", text
    )
    nothing = "none" if "`--weights`" in text else "left out"
    return re.sub(r"\bor None\b", f"or {nothing}", text)


def _flag(action: Action) -> str:
    return action.option_strings[0]


def _option(action: Action, value: str) -> str:
    """One argument with its value as it is typed."""
    flag = _flag(action)
    if value in ("", "True"):
        return flag
    if value == "...":
        return f"{flag} {action.metavar}"
    if value == "None" and action.dest == "weights":
        return f"{flag} none"
    if value in ("None", "False"):
        return f"no {flag}"
    return f"{flag} {value.strip(chr(39) + chr(34))}"
