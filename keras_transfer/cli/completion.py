"""`keras-transfer completion SHELL`: a script that completes commands."""

from keras_transfer.cli.command import show
from keras_transfer.cli.parser import make_parser


def run(arguments):
    """Prints the script."""
    import shtab

    script = shtab.complete(make_parser(), shell=arguments.shell)
    show(arguments, {"shell": arguments.shell, "script": script}, script)
    return 0
