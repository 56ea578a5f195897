"""How the trainings of a recipe go on after a kill."""

import warnings
from pathlib import Path

import keras

from keras_transfer._private.types import PathLike
from keras_transfer.callbacks import TransferCheckpoint

# What a kill costs at most, besides the epoch that is under way.
SECONDS_BETWEEN = 30


def checkpoints(
    folder: PathLike | None, name: str
) -> list[keras.callbacks.Callback]:
    """Returns the callbacks that save a training, none without a folder.

    Args:
        folder: the folder of a recipe, or `None`.
        name: of the training, unlike that of any other in the recipe.
    """
    return [] if folder is None else [_Checkpoint(Path(folder) / name)]


class _Checkpoint(TransferCheckpoint):
    """Does not end a training only because it cannot be saved."""

    def __init__(self, directory: PathLike):
        super().__init__(
            directory,
            delete_checkpoint=False,
            verbose=0,
            min_seconds=SECONDS_BETWEEN,
        )
        self._has_warned = False

    def _save(self, epoch: int, ended_run_of: int | None = None) -> None:
        try:
            super()._save(epoch, ended_run_of)
        except OSError as error:
            if not self._has_warned:
                warnings.warn(
                    f"No checkpoint could be written: {error.strerror}. "
                    "Training goes on without.",
                    stacklevel=2,
                )
            self._has_warned = True
