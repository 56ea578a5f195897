"""`keras-transfer demo`: a whole transfer, without a download."""

from keras_transfer.cli.command import progress, show
from keras_transfer.cli.demo import experiment, story
from keras_transfer.recipes import run_folder

SUMMARY = "show a whole transfer on handwritten digits, without a download"
EXAMPLES = """  keras-transfer demo
  keras-transfer demo --seeds 1 --output demo/ --json"""


def add_options(add):
    """Adds the options of the command."""
    add("--output", str, "DIR", "folder to write", "transfer_demo")
    add("--seeds", int, "N", "repetitions of each row", 3)


def run(arguments):
    """Runs the demo and prints its table."""
    run_folder.check_writable(arguments.output)
    result = experiment.run(arguments.output, arguments.seeds, progress)
    show(arguments, result, story.text(result))
    return 0
