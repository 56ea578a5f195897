"""A folder of checkpoints: whole or absent, and checked when read.

folder/epoch-00007/arrays.npz      every array, by name
folder/epoch-00007/manifest.json   the rest
folder/epoch-00007/SHA256SUMS      of both, as `sha256sum --check` reads it
"""

import hashlib
import json
import re
import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from keras_transfer._private.types import PathLike
from keras_transfer.storage.replacing import recover, replacing

_KEPT = 2
_FILES = ("arrays.npz", "manifest.json")
_NAME = re.compile(r"epoch-(\d{5,})")


def write(
    folder: PathLike,
    number: int,
    arrays: dict[str, np.ndarray],
    info: dict[str, Any],
) -> None:
    """Writes a checkpoint, then removes all but the last two.

    Whatever goes wrong, the earlier checkpoints stay whole.

    Args:
        folder: the folder of all checkpoints of a run.
        number: number of epochs that are done.
        arrays: dict of NumPy arrays.
        info: dict of what JSON can hold.

    Raises:
        OSError: it cannot be written, with what to do about it.
    """
    folder = Path(folder)
    with replacing(folder / f"epoch-{number:05d}") as temporary:
        temporary.mkdir()
        np.savez(temporary / "arrays.npz", **arrays)  # type: ignore[arg-type]
        (temporary / "manifest.json").write_text(json.dumps(info, indent=1))
        (temporary / "SHA256SUMS").write_text(_checksums(temporary))
    for old in _numbered(folder)[:-_KEPT]:
        shutil.rmtree(old, ignore_errors=True)


def read_last(
    folder: PathLike,
) -> tuple[dict[str, np.ndarray], dict[str, Any]] | None:
    """Reads the newest checkpoint that is whole.

    Args:
        folder: the folder of all checkpoints of a run.

    Returns:
        `(arrays, info)`, or `None` if there is none yet.

    Raises:
        ValueError: there are some, and all are damaged.

    Warns:
        UserWarning: naming a damaged one that was passed over.
    """
    damaged = []
    for path in reversed(_numbered(Path(folder))):
        try:
            found = _read(path)
        except Exception as error:
            # Damaged files raise anything, from zlib, zipfile, NumPy or JSON.
            damaged.append(f"'{path}' ({type(error).__name__}: {error})")
            continue
        if damaged:
            warnings.warn(
                f"A checkpoint is damaged: {damaged[0]}. Training goes on "
                f"from the one before it, '{path.name}'.",
                stacklevel=2,
            )
        return found
    if damaged:
        raise ValueError(
            f"No checkpoint can be read. Received: {'; '.join(damaged)}. "
            "Expected at least one whole one. Remove the folder "
            f"'{folder}' to start from the beginning."
        )
    return None


def remove(folder: PathLike) -> None:
    """Removes all checkpoints, and the folder if nothing else lies in it."""
    folder = Path(folder)
    recover(folder)
    for path in _numbered(folder):
        shutil.rmtree(path)
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def _numbered(folder: Path) -> list[Path]:
    found = [p for p in folder.glob("epoch-*") if _NAME.fullmatch(p.name)]
    return sorted(found, key=lambda p: int(p.name.removeprefix("epoch-")))


def _read(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    if (path / "SHA256SUMS").read_text() != _checksums(path):
        raise ValueError("its files do not have the checksums in SHA256SUMS")
    info = json.loads((path / "manifest.json").read_text())
    with np.load(path / "arrays.npz", allow_pickle=False) as file:
        return {name: file[name] for name in file.files}, info


def _checksums(path: Path) -> str:
    return "".join(f"{_checksum(path / name)}  {name}\n" for name in _FILES)


def _checksum(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
