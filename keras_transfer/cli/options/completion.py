"""The options of `keras-transfer completion`."""

SUMMARY = "print a completion script"
EXAMPLES = """  keras-transfer completion bash > ~/.keras-transfer.bash
  keras-transfer completion zsh > ~/.zfunc/_keras-transfer"""


def add_options(add):
    """Adds the options of the command."""
    add("shell", str, None, None, choices=["bash", "zsh", "tcsh"])
