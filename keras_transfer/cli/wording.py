"""Errors and warnings of the library in the words of a command."""

import re

# Arguments of the library that options have another name for.
_ALIASES = {
    "shots_per_class": "shots",
    "loss": "distance",
    "directory": "output",
    "fine_tune_rate": "learning_rate",
}
_VALUE = r"None|True|False|\.\.\.|'[^']*'|\"[^\"]*\"|\d[\w.+-]*\w|\d"


def in_words_of(actions, text):
    """Returns a text with arguments of the library as options of a command.

    `` `weights=None` `` becomes `` `--weights none` ``, `image_size=...` inside
    a call becomes `--image-size PX`, and `` `epochs` `` `` `--epochs` ``.
    Whatever is no option of the command stays as it is.

    Args:
        actions: the options of the command, as `argparse` returns them.
        text: what the library says.
    """
    options = {each.dest: each for each in actions if each.option_strings}
    for name, other in _ALIASES.items():
        if other in options:
            options.setdefault(name, options[other])
    names = "|".join(sorted(options, key=len, reverse=True))
    # Not inside of a path, a longer name or an option.
    start = rf"(?<![\w./-])({names})"
    argument = rf"{start}=({_VALUE})?"

    def with_value(found):
        return _option(options[found[1]], found[2])

    text = re.sub(rf"`?\b[\w.]+\((?:\.\.\., )?({argument})\)`?", r"`\1`", text)
    text = re.sub(argument, with_value, text)
    return re.sub(
        f"`({names})`", lambda found: f"`{_flag(options[found[1]])}`", text
    )


def _flag(action):
    return action.option_strings[0]


def _option(action, value):
    """One argument with its value as it is typed."""
    flag = _flag(action)
    if value is None or value == "True":
        return flag
    if value == "...":
        return f"{flag} {action.metavar}"
    if value == "None" and action.dest == "weights":
        return f"{flag} none"
    if value in ("None", "False"):
        return f"no {flag}"
    return f"{flag} {value.strip(chr(39) + chr(34))}"
