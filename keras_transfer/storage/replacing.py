"""Files and folders are replaced in one step, or not at all."""

import contextlib
import errno
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import filelock

from keras_transfer._private.types import PathLike
from keras_transfer.storage.exchange import exchange

_PREFIX, _LOCK, _ASIDE = ".writing-", ".lock", ".replaced"
# Who has made a folder needs a moment to lock it.
_SECONDS_TO_LOCK = 60


@contextlib.contextmanager
def replacing(path: PathLike) -> Iterator[Path]:
    """Gives a temporary path beside `path` and moves it there on success.

    What was written is synced to the disk before it takes the place of what
    stood there. Whatever goes wrong in between (a full disk, a kill, a power
    cut, an exception), what stood at `path` before stays whole. Nobody finds
    `path` missing, a folder neither, where the system can exchange two names
    at once (Linux); elsewhere a folder is away for a moment, and what a kill
    in this moment leaves behind is put back by the next `replacing` or
    `recover`.

    Args:
        path: the file or folder to write. A folder is replaced as a whole.

    Yields:
        A `pathlib.Path` that does not exist yet and ends like `path`.

    Raises:
        OSError: the folder cannot be written to, with what to do about it.

    Examples:
        >>> with replacing("run/metrics.json") as temporary:
        ...     temporary.write_text("{}")
    """
    path = Path(path)
    with _explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        recover(path.parent)
        folder, lock = _own_folder(path.parent)
    try:
        with _explained(path):
            yield folder / path.name
            sync(folder / path.name)
            _move_into_place(folder / path.name, path)
            _sync_one(path.parent)
    finally:
        _remove(folder)
        lock.release()


def recover(folder: PathLike) -> None:
    """Ends what writers that were killed have begun in a folder.

    A folder that had stepped aside for a new one that was whole is replaced
    by it. What else they have left is removed.
    """
    for left in Path(folder).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError, filelock.Timeout):
            if not (left / _LOCK).exists() and _is_new(left):
                continue
            # Who is still at it holds the lock.
            with filelock.FileLock(left / _LOCK, timeout=0):
                _put_back(left)
                shutil.rmtree(left)


def sync(path: PathLike) -> None:
    """Waits until a file, or all of a folder, is on the disk."""
    path = Path(path)
    if path.is_dir():
        for each in path.iterdir():
            sync(each)
    _sync_one(path)


def _own_folder(parent: Path) -> tuple[Path, filelock.FileLock]:
    """Makes a folder; its lock says that somebody is at work in it."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        lock = filelock.FileLock(folder / _LOCK)
        # Another process may take it for a leftover before it is locked.
        with contextlib.suppress(FileNotFoundError):
            lock.acquire()
            return folder, lock


def _remove(folder: Path) -> None:
    # Who looks for leftovers may put a lock into it in between.
    for _ in range(3):
        shutil.rmtree(folder, ignore_errors=True)


def _is_new(left: Path) -> bool:
    return time.time() - left.stat().st_mtime < _SECONDS_TO_LOCK


def _put_back(left: Path) -> None:
    if not (left / _ASIDE).exists():
        return
    for whole in left.iterdir():
        place = left.parent / whole.name
        if whole.name not in (_ASIDE, _LOCK) and not place.exists():
            os.replace(whole, place)


def _move_into_place(temporary: Path, path: Path) -> None:
    """Moves what is whole to its place, also beside others who do so."""
    while True:
        try:
            if temporary.is_dir() or path.is_dir():
                _move_folder(temporary, path)
            else:
                os.replace(temporary, path)
            return
        except OSError as error:
            # Another writer was faster: there is a folder now, or none yet.
            if error.errno not in (
                errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT, errno.EISDIR,
                errno.ENOTDIR,
            ) or not temporary.exists():  # fmt: skip
                raise


def _move_folder(temporary: Path, path: Path) -> None:
    if not os.path.lexists(path):
        os.rename(temporary, path)
    elif not exchange(temporary, path):
        # A folder cannot be renamed over another one: the old one steps
        # aside, into the temporary folder that is removed afterwards.
        aside = temporary.with_name(_ASIDE)
        if os.path.lexists(aside):
            shutil.rmtree(aside)
        os.replace(path, aside)
        os.rename(temporary, path)


def _sync_one(path: Path) -> None:
    is_folder, is_posix = path.is_dir(), os.name == "posix"
    if path.is_symlink() or (is_folder and not is_posix):
        return
    # Windows syncs only what was opened for writing.
    number = os.open(path, os.O_RDONLY if is_posix else os.O_RDWR)
    try:
        os.fsync(number)
    except OSError:
        # Some file systems have nothing to sync in a folder.
        if not is_folder:
            raise
    finally:
        os.close(number)


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise type(error)(
            error.errno,
            f"Could not write '{path}': {error.strerror or error}. What stood "
            "there before is unchanged. Expected a folder with write "
            "permission and enough free space; choose another one or make "
            "room",
        ) from error
