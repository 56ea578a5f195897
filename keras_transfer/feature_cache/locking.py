"""One process computes what several want; the others wait for it."""

from __future__ import annotations

import contextlib
import errno
import os
import pathlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import filelock

from keras_transfer._private.types import Verbose
from keras_transfer.storage.printing import show

if TYPE_CHECKING:
    from keras_transfer.feature_cache.settings import FeatureCache


@contextlib.contextmanager
def locked(cache: FeatureCache, key: str, verbose: Verbose) -> Iterator[None]:
    """Holds the lock of a key; says so where another process has it.

    Args:
        cache: a `FeatureCache` with a folder.
        key: name of what is computed.
        verbose: 0 says nothing.

    Raises:
        OSError: the folder cannot be made or written to.
    """
    _check_folder(cache)
    lock = filelock.FileLock(cache.directory / f"{key}.lock")
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        if verbose:
            show(
                "Another process computes the same features in "
                f"{cache.place}; waiting for it."
            )
        lock.acquire()
    try:
        yield
    finally:
        # While it is held: who waits at a file that is gone opens a new one.
        # Windows lets nobody remove an open file, and removes it at release.
        with contextlib.suppress(OSError):
            pathlib.Path(lock.lock_file).unlink()
        lock.release()


def _check_folder(cache: FeatureCache) -> None:
    """Raises before anything is computed if the folder is none to write to."""
    try:
        cache.directory.mkdir(parents=True, exist_ok=True)
        if os.access(cache.directory, os.W_OK):
            return
        number = errno.EACCES
    except OSError as error:
        number = error.errno
    raise OSError(
        number,
        f"The feature cache cannot be kept in {cache.place}: "
        f"{os.strerror(number)}. Nothing was computed. Expected a folder that "
        "can be made and written to; choose another one",
    )
