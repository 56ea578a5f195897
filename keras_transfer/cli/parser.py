"""The parser of the whole command line, which needs no Keras."""

import argparse
import difflib
import sys
from collections.abc import Iterable
from types import ModuleType
from typing import Any, TypeAlias

from keras_transfer._version import __version__
from keras_transfer.cli.options import (
    adapt,
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
from keras_transfer.cli.options.shared import add_option

# What `add_subparsers` returns has no public name.
_Commands: TypeAlias = Any
COMMANDS = {
    options.__name__.rpartition(".")[-1]: options
    for options in (
        demo, backbones, rank, assess, fit, tune, match, adapt, evaluate,
        predict, export, completion,
    )
}  # fmt: skip
EXIT_CODES = """exit codes: 0 done; 1 failed, with the reason on stderr; \
2 wrong arguments; 130 interrupted (what there was is kept)"""
# What may stand before a command. None takes a value.
_FLAGS = ("-h", "--help", "--version")


class Parser(argparse.ArgumentParser):
    """A parser that names the nearest command or option after a typo."""

    def parse_args(  # type: ignore[override]
        self,
        args: Iterable[str] | None = None,
        namespace: argparse.Namespace | None = None,
    ) -> argparse.Namespace:
        """Returns the arguments; a wrong one ends the process."""
        args = sys.argv[1:] if args is None else list(args)
        self._check_start(args)
        arguments, unknown = self.parse_known_args(args, namespace)
        if unknown:
            arguments.parser.error(_unknown(unknown, arguments.actions))
        return arguments

    def _check_start(self, args: Iterable[str]) -> None:
        """Refuses a wrong command, and wrong options before it."""
        for each in args:
            if each[:1] != "-":
                if each not in COMMANDS:
                    self.error(_no_such("command", each, COMMANDS))
                return
            if not any(flag.startswith(each) for flag in _FLAGS):
                self.error(_no_such("option", each, _FLAGS))


def make_parser() -> Parser:
    """Returns the parser of the whole command line."""
    parser = Parser(
        prog="keras-transfer",
        description="Transfer learning for Keras: from a source model and a "
        "folder of your own data to a model that is ready to serve.",
        epilog=EXIT_CODES,
    )
    parser.add_argument(
        "--version", action="version", version=f"%(prog)s {__version__}"
    )
    commands = parser.add_subparsers(
        dest="command", metavar="COMMAND", required=True, title="commands"
    )
    for name, options in COMMANDS.items():
        _add_command(commands, name, options)
    return parser


def _add_command(commands: _Commands, name: str, options: ModuleType) -> None:
    """Adds a command, with the options that all of them have."""
    summary = options.SUMMARY
    parser = commands.add_parser(
        name,
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}.",
        epilog=f"examples:\n{options.EXAMPLES}\n\n{EXIT_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = []

    def add(*option: Any, **more: Any) -> None:
        actions.append(add_option(parser, *option, **more))

    add("--json")
    add("--debug")
    options.add_options(add)
    defaults = getattr(options, "DEFAULTS", {})
    parser.set_defaults(parser=parser, actions=actions, **defaults)


def _unknown(unknown: list[str], actions: list[argparse.Action]) -> str:
    """The message about arguments that a command does not have."""
    flags = ["--help"]
    flags += [flag for each in actions for flag in each.option_strings]
    given = next((each for each in unknown if each[:1] == "-"), None)
    if given is None:
        return f"too many arguments: {' '.join(unknown)}"
    return _no_such("option", given.partition("=")[0], flags)


def _no_such(kind: str, given: str, names: Iterable[str]) -> str:
    """The message about a name that there is not, with the nearest one."""
    names = list(names)
    nearest = difflib.get_close_matches(given, names, n=1)
    remedy = (
        f"Did you mean '{nearest[0]}'?"
        if nearest
        else f"Expected one of: {', '.join(names)}."
    )
    return f"There is no {kind} '{given}'. {remedy}"
