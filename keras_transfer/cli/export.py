"""`keras-transfer export DIR`: a SavedModel of a run."""

from pathlib import Path

from keras_transfer.cli.command import show
from keras_transfer.recipes import run_folder
from keras_transfer.serving import saved_model

SUMMARY = "write a SavedModel for serving"
EXAMPLES = """  keras-transfer export run/
  keras-transfer export run/ --output /srv/models/flowers/1"""


def add_options(add):
    """Adds the options of the command."""
    add("run_dir")
    add("--output", str, "PATH", "folder to write [DIR/saved_model]")


def run(arguments):
    """Exports and prints where to."""
    model, _ = run_folder.read(arguments.run_dir)
    target = arguments.output or Path(arguments.run_dir) / "saved_model"
    path = saved_model.export_saved_model(model, target)
    show(arguments, {"saved_model": str(path)}, f"Wrote {path}")
    return 0
