"""Shared by all commands: what was chosen, and the printing of results."""

import json

# The exit code of a command that was interrupted.
INTERRUPTED = 130


def split_names(text):
    """Returns the names in a text such as "MobileNetV2,own.keras"."""
    return [name for each in text.split(",") if (name := each.strip())]


def chosen(arguments, *names):
    """Returns some of the parsed arguments by name, to pass them on."""
    return {name: getattr(arguments, name) for name in names}


def show(arguments, result, text):
    """Prints the result of a command.

    Args:
        arguments: the parsed arguments.
        result: what `--json` prints.
        text: what people read.
    """
    skipped = getattr(arguments, "skipped", None)
    if skipped and isinstance(result, dict):
        # The warning names the first of them only.
        result = {**result, "skipped": skipped}
    printed = json.dumps(result, indent=2) if arguments.json else text
    print(printed, file=arguments.result_stream, flush=True)


def progress(message):
    """Says what is being done now."""
    print(message, flush=True)
