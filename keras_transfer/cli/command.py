"""Shared by all commands: options in short, and the printing of results."""

import json
import sys

from keras_transfer.storage.printing import can_show

# The exit code of a command that was interrupted.
INTERRUPTED = 130

_DEVICES = "several devices: auto, default, one_device, mirrored, jax"
_BATCH_SIZE = "images a step [16 below 250 labels a class, else 32]"
_HELD_OUT = "part of the training data held out"
# Flag: type, name of the value, help, default.
_SHARED = {
    "data": (str, "DATA", 'folder of photos, "digits" or "tfds:NAME"'),
    "run_dir": (str, "DIR", "what fit has written"),
    "--batch-size": (int, "N", _BATCH_SIZE),
    "--data-dir": (str, "DIR", "where TFDS keeps its data"),
    "--dropout": (float, "P", "dropout in the head", 0.0),
    "--seed": (int, "N", "seed of splits, order and weights", 0),
    "--shots": (int, "N", "train on N samples a class only"),
    "--strategy": (str, "NAME", _DEVICES, "auto"),
    "--task": (
        str,
        "TASK",
        "what labels.csv is for: classification, multi_label or regression; "
        "auto: as it looks",
        "auto",
    ),
    "--validation-split": (float, "P", _HELD_OUT, 0.1),
    "--weights": (str, "W", '"imagenet", "none" or a file', "imagenet"),
}


def add_option(parser, flag, *about, **more):
    """Adds an option to the parser of a command.

    Args:
        parser: the parser.
        flag: its name; a shared one needs nothing else.
        *about: type, name of the value, help, default if there is one.
        **more: further arguments of `add_argument`.

    Returns:
        What `add_argument` returns.
    """
    kind, metavar, text, *default = about or _SHARED[flag]
    if kind is bool:
        return parser.add_argument(flag, action="store_true", help=text)
    if default:
        more["default"] = default[0]
        text += "" if default[0] == "" else " [%(default)s]"
    more |= {"type": kind, "metavar": metavar, "help": text}
    return parser.add_argument(flag, **more)


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


def shows_bars():
    """Whether messages go to a terminal that can show the bars of Keras."""
    return sys.stdout.isatty() and can_show("\u2501")


def progress(message):
    """Says what is being done now."""
    print(message, flush=True)
