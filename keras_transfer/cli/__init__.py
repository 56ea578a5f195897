"""The command line: arguments in, library calls, tables out."""

import argparse
import contextlib
import io
import logging
import os
import signal
import sys
import threading
import warnings

from keras_transfer.cli import (
    assess,
    backbones,
    completion,
    demo,
    evaluate,
    export,
    fit,
    match,
    predict,
    rank,
    tune,
)
from keras_transfer.cli.command import INTERRUPTED, add_option
from keras_transfer.cli.wording import in_words_of

# Each has SUMMARY, EXAMPLES, `add_options(add)` and `run(arguments)`.
COMMANDS = (
    demo, backbones, rank, assess, fit, tune, match, evaluate, predict,
    export, completion,
)  # fmt: skip
EXIT_CODES = """exit codes: 0 done; 1 failed, with the reason on stderr; \
2 wrong arguments; 130 interrupted (what there was is kept)"""


def main(argv=None):
    """Runs one command and returns its exit code.

    Args:
        argv: the arguments without the program's name; `None` takes those of
            the process.
    """
    _show_all_characters(sys.stdout, sys.stderr)
    parser = make_parser()
    arguments = parser.parse_args(argv)
    # For the TensorFlow process that exports under JAX and torch. Here, under
    # TensorFlow, its start-up notes came when Keras was imported.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        arguments = _with_config(parser, arguments, argv)
        with (
            _messages_apart(arguments),
            _plain_warnings(arguments),
            _terminated_softly(),
        ):
            return arguments.run(arguments)
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return INTERRUPTED
    except (ValueError, OSError, ImportError, RuntimeError) as error:
        if arguments.debug:
            raise
        # Without the "[Errno 13]" that `str` puts before it.
        reason = getattr(error, "strerror", None) or error
        reason = in_words_of(arguments.actions, str(reason))
        print(f"keras-transfer: {reason}", file=sys.stderr)
        return 1


def _show_all_characters(*streams):
    """Lets streams escape what their encoding lacks, as Python's stderr does.

    A name in a table must not end a training that took hours. What somebody
    has asked for with PYTHONIOENCODING stays.
    """
    for stream in streams:
        is_text = isinstance(stream, io.TextIOWrapper)
        if is_text and stream.errors in ("strict", "surrogateescape"):
            stream.reconfigure(errors="backslashreplace")


def _with_config(parser, arguments, argv):
    """Reads --config, and the command line once more on top of it."""
    config = fit.config_of(arguments) if arguments.run is fit.run else None
    if config is None:
        return arguments
    arguments.parser.set_defaults(**fit.read_config(config))
    return parser.parse_args(argv)


def make_parser():
    """Returns the parser of the whole command line."""
    parser = argparse.ArgumentParser(
        prog="keras-transfer",
        description="Transfer learning for Keras: from a source model and a "
        "folder of your own data to a model that is ready to serve.",
        epilog=EXIT_CODES,
    )
    commands = parser.add_subparsers(
        metavar="COMMAND", required=True, title="commands"
    )
    for command in COMMANDS:
        _add_command(commands, command)
    return parser


def _add_command(commands, command):
    """Adds a command, with the options that all of them have."""
    summary = command.SUMMARY
    parser = commands.add_parser(
        command.__name__.rpartition(".")[-1],
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}.",
        epilog=f"examples:\n{command.EXAMPLES}\n\n{EXIT_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = []

    def add(*option, **more):
        actions.append(add_option(parser, *option, **more))

    add("--json", bool, None, "print the result as JSON only")
    add("--debug", bool, None, "show the traceback of an error")
    command.add_options(add)
    defaults = getattr(command, "DEFAULTS", {})
    parser.set_defaults(
        run=command.run, parser=parser, actions=actions, **defaults
    )


@contextlib.contextmanager
def _messages_apart(arguments):
    """With --json, everything but the result goes to stderr."""
    arguments.result_stream = sys.stdout
    messages = sys.stderr if arguments.json else sys.stdout
    with contextlib.redirect_stdout(messages):
        yield


@contextlib.contextmanager
def _terminated_softly():
    """A scheduler's SIGTERM ends a command as Ctrl-C does."""

    def stop(number, frame):
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def _plain_warnings(arguments):
    """Warnings as one line each, without the place in our source code."""

    def show(message, *details):
        message = in_words_of(arguments.actions, str(message))
        print(f"keras-transfer: warning: {message}", file=sys.stderr)

    # Its notes on retracing are about how fit and predict are called here.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.showwarning = show
        yield
