"""`keras-transfer demo`: a whole transfer, without a download."""

EXAMPLES = """  keras-transfer demo
  keras-transfer demo --seeds 1 --output demo/ --json"""


def add_parser(commands):
    """Adds the command to the command line."""
    from keras_transfer.cli import add_command

    parser = add_command(
        commands,
        "demo",
        run,
        "show a whole transfer on handwritten digits, without a download",
        EXAMPLES,
    )
    parser.add_argument(
        "--output",
        default="transfer_demo",
        metavar="DIR",
        help="folder to write [%(default)s]",
    )
    parser.add_argument(
        "--seeds",
        type=int,
        default=3,
        metavar="N",
        help="repetitions of each row [%(default)s]",
    )


def run(arguments):
    """Runs the demo and prints its table."""
    from keras_transfer.cli.demo import experiment, story
    from keras_transfer.cli.output import progress, show
    from keras_transfer.recipes import run_folder

    run_folder.check_writable(arguments.output)
    result = experiment.run(arguments.output, arguments.seeds, progress)
    show(arguments, result, story.text(result))
    return 0
