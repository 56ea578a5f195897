"""`keras-transfer demo`: a whole transfer, without a download."""

from keras_transfer.cli.command import progress, show
from keras_transfer.cli.demo import experiment, story
from keras_transfer.recipes import run_folder


def run(arguments):
    """Runs the demo and prints its table."""
    run_folder.check_writable(arguments.output)
    result = experiment.run(arguments.output, arguments.seeds, progress)
    show(arguments, result, story.text(result))
    return 0
