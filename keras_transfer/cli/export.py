"""`keras-transfer export DIR`: a SavedModel of a run."""

from pathlib import Path

from keras_transfer.cli.command import show
from keras_transfer.recipes import run_folder
from keras_transfer.serving import saved_model


def run(arguments):
    """Exports and prints where to."""
    model, _ = run_folder.read(arguments.run_dir)
    target = arguments.output or Path(arguments.run_dir) / "saved_model"
    _check_is_free(Path(target))
    path = saved_model.export_saved_model(model, target)
    show(arguments, {"saved_model": str(path)}, f"Wrote {path}")
    return 0


def _check_is_free(target):
    """Raises if something else than an earlier export would be replaced."""
    is_export = (target / "saved_model.pb").is_file()
    is_empty = target.is_dir() and not any(target.iterdir())
    if target.exists() and not is_export and not is_empty:
        raise ValueError(
            f"'{target}' exists and is no SavedModel: it would be replaced as "
            "a whole. Choose another --output, or remove it first."
        )
