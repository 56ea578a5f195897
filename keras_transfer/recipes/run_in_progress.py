"""The folder of a run while the run is made: one writer, and nothing lost.

folder/.lock                     held by the process that makes the run
folder/unfinished/config.json    what was asked for
folder/unfinished/splits.csv     of which samples
folder/unfinished/checkpoints/   how far each training has come
folder/unfinished/room           keeps the disk space that the end needs

`unfinished` goes when the run is whole.
"""

from __future__ import annotations

import contextlib
import errno
import math
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import filelock
import keras

from keras_transfer._private.types import PathLike
from keras_transfer.feature_cache.rows import free_bytes
from keras_transfer.recipes import writers
from keras_transfer.recipes.run_changes import (
    refuse_other_options,
    refuse_other_samples,
)
from keras_transfer.recipes.run_folder import UNFINISHED, check_name
from keras_transfer.recipes.run_splits import RunSplits
from keras_transfer.storage.json_files import read_json

if TYPE_CHECKING:
    from keras_transfer.data.dataset import Dataset

# The key that says so in the configuration of an unfinished run.
_FURTHER = "trains_further"
# Of the weights: the .keras file and the SavedModel, with some air.
_AT_THE_END, _AIR = 2.5, 4 << 20
# Three checkpoints of weights and two slots of the optimizer.
_CHECKPOINTS = 9


class RunInProgress:
    """What a command knows of the run that it makes.

    Attributes:
        folder: the folder of the run.
        goes_on: whether an earlier process has begun it.
        trains_further: whether it begins with the model of a whole run.
        checkpoints: the folder of the checkpoints.
        splits: the `RunSplits` of its data, once they are described.
    """

    def __init__(self, folder: PathLike, goes_on: bool, resume: bool):
        self.folder, self.goes_on = Path(folder), goes_on
        self._own = self.folder / UNFINISHED
        self.checkpoints = self._own / "checkpoints"
        self._before = read_json(self._own / "config.json") if goes_on else {}
        self.trains_further = self._before.get(_FURTHER, resume)
        self.splits: RunSplits | None = None

    def describe(self, config: dict[str, Any], data: Dataset) -> None:
        """Writes what the run is of, or compares it with what it was.

        Args:
            config: dict of all that decides about the run.
            data: its `Dataset`.

        Raises:
            ValueError: a run that goes on would be another one.
        """
        self.splits = RunSplits.of(data)
        config = config | {_FURTHER: self.trains_further}
        if self.goes_on:
            refuse_other_options(self.folder, self._before, config)
            refuse_other_samples(
                self.folder, RunSplits.read(self._own), self.splits
            )
        writers.write_json(self._own / "config.json", config)
        self.splits.write(self._own)

    def reserve(self, model: keras.Model) -> None:
        """Keeps the disk space that the end of the run needs.

        Raises:
            OSError: there is not enough.
        """
        weights = 4 * sum(math.prod(v.shape) for v in model.variables)
        needed = int(_AT_THE_END * weights) + _AIR
        whole = needed + _CHECKPOINTS * weights
        free = free_bytes(self.folder)
        if free < whole:
            raise OSError(
                errno.ENOSPC,
                f"The run takes up to {whole:,} bytes on the disk of "
                f"'{self.folder}', where {free:,} are free. Nothing was "
                "trained. Make room, or choose another folder",
            )
        _fill(self._own / "room", needed)

    def release(self) -> None:
        """Gives the space free for what is written now."""
        (self._own / "room").unlink(missing_ok=True)

    def end(self) -> None:
        """Removes what only a run that goes on would need."""
        shutil.rmtree(self._own, ignore_errors=True)


def config_to_resume(folder: PathLike) -> Path:
    """Returns the `config.json` with which a run goes on."""
    unfinished = Path(folder) / UNFINISHED / "config.json"
    if _has_checkpoint(Path(folder)) and unfinished.is_file():
        return unfinished
    return Path(folder) / "config.json"


@contextlib.contextmanager
def begun(
    folder: PathLike, *, overwrite: bool = False, resume: bool = False
) -> Iterator[RunInProgress]:
    """Holds the folder of a run for one process.

    Args:
        folder: the folder to write; a run that is in it stays as it is until
            the new one is whole.
        overwrite: whether a run that is in it may be replaced.
        resume: whether the run that is in it goes on.

    Yields:
        A `RunInProgress`.

    Raises:
        ValueError: it holds a run, and neither is asked for; or another
            process is writing there.
        FileNotFoundError: there is no run to go on with.
        OSError: it cannot be written.
    """
    folder = Path(folder)
    check_name(folder)
    with _held(folder):
        if not overwrite and not resume:
            _refuse_to_replace(folder)
        is_there = _has_checkpoint(folder)
        if resume and not is_there and not _is_finished(folder):
            raise FileNotFoundError(
                f"--resume goes on with the run in '{folder}', and there is "
                "none. Leave it out to begin one."
            )
        run = RunInProgress(folder, resume and is_there, resume)
        if not run.goes_on:
            run.end()
        try:
            yield run
        finally:
            run.release()
            if not _has_checkpoint(folder):
                run.end()


@contextlib.contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Locks a folder; one that was made for it and is empty goes again."""
    was_there = folder.is_dir()
    lock = filelock.FileLock(folder / ".lock", timeout=0)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except filelock.Timeout:
        raise ValueError(
            f"Another process is writing a run into '{folder}'. Wait for it, "
            "or choose another folder (--output)."
        ) from None
    except OSError as error:
        raise type(error)(
            error.errno,
            f"'{folder}' cannot be written: {error.strerror or error}. Choose "
            "another folder (--output)",
        ) from error
    try:
        yield
    finally:
        # While it is held, as in `feature_cache.locking`.
        with contextlib.suppress(OSError):
            os.unlink(lock.lock_file)
        lock.release()
        if not was_there:
            with contextlib.suppress(OSError):
                folder.rmdir()


def _is_finished(folder: Path) -> bool:
    return any((folder / n).exists() for n in ("model.keras", "config.json"))


def _has_checkpoint(folder: Path) -> bool:
    return any((folder / UNFINISHED / "checkpoints").glob("*/epoch-*"))


def _refuse_to_replace(folder: Path) -> None:
    if _has_checkpoint(folder):
        raise ValueError(
            f"'{folder}' holds a run that was not finished. Go on with it by "
            "--resume, begin anew by --overwrite, or choose another folder "
            "(--output)."
        )
    if _is_finished(folder):
        raise ValueError(
            f"'{folder}' holds a run. Choose another folder (--output), "
            "replace it by --overwrite, or train it further by --resume."
        )


def _fill(path: Path, size: int) -> None:
    """Makes a file that takes so many bytes of the disk."""
    if not hasattr(os, "posix_fallocate"):
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as file:
        try:
            os.posix_fallocate(file.fileno(), 0, size)
        except OSError as error:
            if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):
                raise
