"""`keras-transfer export DIR`: a SavedModel of a run."""

EXAMPLES = """  keras-transfer export run/
  keras-transfer export run/ --to /srv/models/flowers/1"""


def add_parser(commands):
    """Adds the command to the command line."""
    from keras_transfer.cli import add_command

    parser = add_command(
        commands, "export", run, "write a SavedModel for serving", EXAMPLES
    )
    parser.add_argument("run_dir", metavar="DIR", help="what fit has written")
    parser.add_argument(
        "--to", metavar="PATH", help="folder to write [DIR/saved_model]"
    )


def run(arguments):
    """Exports and prints where to."""
    from pathlib import Path

    from keras_transfer.cli.output import show
    from keras_transfer.recipes import run_folder
    from keras_transfer.serving.saved_model import export_saved_model

    finished = run_folder.read(arguments.run_dir)
    target = arguments.to or Path(arguments.run_dir) / "saved_model"
    path = export_saved_model(finished.model, target)
    show(arguments, {"saved_model": str(path)}, f"Wrote {path}")
    return 0
