"""`keras-transfer completion SHELL`: a script that completes commands."""

from keras_transfer.cli.command import show

SUMMARY = "print a completion script"
EXAMPLES = """  keras-transfer completion bash > ~/.keras-transfer.bash
  keras-transfer completion zsh > ~/.zfunc/_keras-transfer"""


def add_options(add):
    """Adds the options of the command."""
    add("shell", str, None, None, choices=["bash", "zsh", "tcsh"])


def run(arguments):
    """Prints the script."""
    import shtab

    from keras_transfer.cli import make_parser

    script = shtab.complete(make_parser(), shell=arguments.shell)
    show(arguments, {"shell": arguments.shell, "script": script}, script)
    return 0
