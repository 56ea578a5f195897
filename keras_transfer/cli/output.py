"""Printing: one JSON document, or text for people."""

import json

# The exit code of a command that was interrupted.
INTERRUPTED = 130


def show(arguments, result, text):
    """Prints the result of a command.

    Args:
        arguments: the parsed arguments.
        result: what `--json` prints.
        text: what people read.
    """
    printed = json.dumps(result, indent=2) if arguments.json else text
    print(printed, file=arguments.result_stream, flush=True)


def progress(message):
    """Says what is being done now."""
    print(message, flush=True)
