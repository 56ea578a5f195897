"""The options of `keras-transfer completion`."""

from collections.abc import Callable

SUMMARY = "print a completion script"
EXAMPLES = """  keras-transfer completion bash > ~/.keras-transfer.bash
  keras-transfer completion zsh > ~/.zfunc/_keras-transfer"""


def add_options(add: Callable[..., None]) -> None:
    """Adds the options of the command."""
    add("shell", str, None, None, choices=["bash", "zsh", "tcsh"])
