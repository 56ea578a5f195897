"""`keras-transfer completion SHELL`: a script that completes commands."""

EXAMPLES = """  keras-transfer completion bash > ~/.keras-transfer.bash
  keras-transfer completion zsh > ~/.zfunc/_keras-transfer"""


def add_parser(commands):
    """Adds the command to the command line."""
    from keras_transfer.cli import add_command

    parser = add_command(
        commands, "completion", run, "print a completion script", EXAMPLES
    )
    parser.add_argument("shell", choices=["bash", "zsh", "tcsh"])


def run(arguments):
    """Prints the script."""
    import shtab

    from keras_transfer.cli import make_parser
    from keras_transfer.cli.output import show

    script = shtab.complete(make_parser(), shell=arguments.shell)
    show(arguments, {"shell": arguments.shell, "script": script}, script)
    return 0
