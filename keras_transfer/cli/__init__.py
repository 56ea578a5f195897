"""The command line: arguments in, library calls, tables out."""

import argparse
import contextlib
import importlib
import io
import logging
import signal
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from types import FrameType, ModuleType
from typing import NoReturn, TextIO

import keras_transfer
from keras_transfer.cli.command import INTERRUPTED
from keras_transfer.cli.parser import Parser, make_parser
from keras_transfer.cli.quiet_start import quiet_start
from keras_transfer.cli.wording import in_words_of

# All others import Keras, which takes seconds.
_WITHOUT_KERAS = ("completion",)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code.

    Args:
        argv: the arguments without the program's name; `None` takes those of
            the process.
    """
    _show_all_characters(sys.stdout, sys.stderr)
    parser = make_parser()
    arguments = parser.parse_args(argv)
    try:
        with _terminated_softly():
            command = _imported(arguments)
            arguments = _with_config(command, parser, arguments, argv)
            with _messages_apart(arguments), _plain_warnings(arguments):
                return command.run(arguments)
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


def _show_all_characters(*streams: TextIO | None) -> None:
    """Lets streams escape what their encoding lacks, as Python's stderr does.

    A name in a table must not end a training that took hours. What somebody
    has asked for with PYTHONIOENCODING stays.
    """
    for stream in streams:
        if not isinstance(stream, io.TextIOWrapper):
            continue
        if stream.errors in ("strict", "surrogateescape"):
            stream.reconfigure(errors="backslashreplace")


def _imported(arguments: argparse.Namespace) -> ModuleType:
    """The module that runs a command."""
    quiet = contextlib.nullcontext if arguments.debug else quiet_start
    with quiet():
        if arguments.command not in _WITHOUT_KERAS:
            keras_transfer.load_classes()
        return importlib.import_module(f"{__name__}.{arguments.command}")


def _with_config(
    command: ModuleType,
    parser: Parser,
    arguments: argparse.Namespace,
    argv: Sequence[str] | None,
) -> argparse.Namespace:
    """Reads --config, and the command line once more on top of it."""
    is_fit = arguments.command == "fit"
    config = command.config_of(arguments) if is_fit else None
    if config is None:
        return arguments
    arguments.parser.set_defaults(**command.read_config(config))
    return parser.parse_args(argv)


@contextlib.contextmanager
def _messages_apart(arguments: argparse.Namespace) -> Iterator[None]:
    """With --json, everything but the result goes to stderr."""
    arguments.result_stream = sys.stdout
    messages = sys.stderr if arguments.json else sys.stdout
    with contextlib.redirect_stdout(messages):
        yield


@contextlib.contextmanager
def _terminated_softly() -> Iterator[None]:
    """A scheduler's SIGTERM ends a command as Ctrl-C does."""

    def stop(number: int, frame: FrameType | None) -> NoReturn:
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
def _plain_warnings(arguments: argparse.Namespace) -> Iterator[None]:
    """Warnings as one line each, without the place in our source code."""

    def show(message: Warning | str, *details: object) -> None:
        message = in_words_of(arguments.actions, str(message))
        print(f"keras-transfer: warning: {message}", file=sys.stderr)

    # Its notes on retracing are about how fit and predict are called here.
    logger = logging.getLogger("tensorflow")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = show  # type: ignore[assignment]
            yield
    finally:
        logger.setLevel(level)
