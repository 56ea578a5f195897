"""Rows of activations, in memory or in memory-mapped files."""

import json
import math
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from keras_transfer._private.types import PathLike
from keras_transfer.storage import fingerprints
from keras_transfer.storage.bfloat16 import from_stored, stored_dtype, to_stored
from keras_transfer.storage.replacing import replacing

SHARD_BYTES = 1 << 26
HALF_FLOATS = ("float16", "bfloat16")


class MemoryRows:
    """Rows in one array.

    Args:
        num_rows: how many there will be.
        row_shape: shape of one.
        dtype: type in which they are kept.
    """

    def __init__(self, num_rows: int, row_shape: tuple[int, ...], dtype: str):
        self.array = np.empty((num_rows, *row_shape), stored_dtype(dtype))
        self.row_shape = tuple(row_shape)
        self.dtype = dtype

    def missing(self, start: int, stop: int) -> bool:
        return True

    def write(self, start: int, rows: np.ndarray) -> None:
        self.array[start : start + len(rows)] = encoded(rows, self.dtype)

    def finish(self) -> None:
        pass

    def take(self, rows: np.ndarray) -> np.ndarray:
        """Returns some rows, by an array of their numbers."""
        return decoded(_picked(self.array, rows), self.dtype)


class FileRows:
    """Rows in files of at most 64 MiB, read through memory maps.

    Each file is written under another name and moved into place, with its
    checksum beside it, which counts in its name and that of the folder. One
    whose checksum does not fit counts as missing, and so does one that was
    copied from elsewhere.

    Args:
        folder: where the files are, or will be.
        name: first part of their names.
        num_rows: how many rows there will be.
        row_shape: shape of one.
        dtype: type in which they are kept.
    """

    def __init__(
        self,
        folder: PathLike,
        name: str,
        num_rows: int,
        row_shape: Sequence[int],
        dtype: str,
    ):
        self.folder, self.name, self.dtype = Path(folder), name, dtype
        self.num_rows = num_rows
        self.row_shape = tuple(row_shape)
        row_bytes = max(1, stored_dtype(dtype).itemsize * math.prod(row_shape))
        self.per_shard = max(1, SHARD_BYTES // row_bytes)
        self.num_shards = -(-num_rows // self.per_shard)
        self.maps = [self._open(k) for k in range(self.num_shards)]
        self._pending = {}

    def missing(self, start: int, stop: int) -> bool:
        """Whether any of the rows from `start` to `stop` is not there."""
        first, last = start // self.per_shard, (stop - 1) // self.per_shard
        return any(self.maps[k] is None for k in range(first, last + 1))

    def write(self, start: int, rows: np.ndarray) -> None:
        """Takes rows in any order; a file is written when it is full."""
        rows = encoded(rows, self.dtype)
        while len(rows):
            shard, offset = divmod(start, self.per_shard)
            count = min(len(rows), self.per_shard - offset)
            if self.maps[shard] is None:
                self._keep(shard, offset, rows[:count])
            start, rows = start + count, rows[count:]

    def _keep(self, shard: int, offset: int, rows: np.ndarray) -> None:
        array, count = self._pending.pop(shard, (None, 0))
        if array is None:
            array = np.empty(self._shape(shard), stored_dtype(self.dtype))
        array[offset : offset + len(rows)] = rows
        count += len(rows)
        if count == len(array):
            self._save(shard, array)
        else:
            self._pending[shard] = array, count

    def _shape(self, shard: int) -> tuple[int, ...]:
        size = min(self.per_shard, self.num_rows - shard * self.per_shard)
        return size, *self.row_shape

    def _save(self, shard: int, array: np.ndarray) -> None:
        path = self._path(shard)
        about = {"checksum": self._checksum(path, array)}
        with replacing(path) as temporary:
            np.save(temporary, array)
        with replacing(path.with_suffix(".json")) as temporary:
            temporary.write_text(json.dumps(about))
        self.maps[shard] = _mapped(path)

    def _checksum(self, path: Path, array: np.ndarray) -> str:
        # The name of the folder says what was computed, and by which weights.
        return fingerprints.of_arrays(f"{self.folder.name}/{path.name}", array)

    def _path(self, shard: int) -> Path:
        return self.folder / f"{self.name}-{shard:05d}.npy"

    def _open(self, shard: int) -> np.ndarray | None:
        """Returns a file as a memory map, or `None` if it is not right."""
        path = self._path(shard)
        try:
            expected = json.loads(read_file(path.with_suffix(".json")))
            array = _mapped(path)
            fits = (
                array.shape == self._shape(shard)
                and array.dtype == stored_dtype(self.dtype)
                and self._checksum(path, array) == expected["checksum"]
            )
        except Exception:
            # Cut short, of another format, or not there at all.
            return None
        return array if fits else None

    def finish(self) -> None:
        if any(array is None for array in self.maps):
            raise RuntimeError(
                f"The feature cache in '{self.folder}' is not whole. Received "
                f"{sum(a is not None for a in self.maps)} of "
                f"{self.num_shards} files. The data set became shorter while "
                "it was read; it has to stay the same."
            )

    def take(self, rows: np.ndarray) -> np.ndarray:
        """Returns some rows, by an array of their numbers."""
        shards, offsets = np.divmod(rows, self.per_shard)
        first = shards[0] if len(shards) else 0
        if (shards == first).all():
            return decoded(_picked(self.maps[first], offsets), self.dtype)
        out = np.empty((len(rows), *self.row_shape), stored_dtype(self.dtype))
        for place, (shard, offset) in enumerate(
            zip(shards.tolist(), offsets.tolist(), strict=True)
        ):
            out[place] = self.maps[shard][offset]
        return decoded(out, self.dtype)


def stores(
    folder: Path | None, num_rows: int, num_views: int, layout: Sequence[tuple]
) -> list[list[MemoryRows | FileRows]]:
    """Returns stores of rows: for each view one for each tensor.

    Args:
        folder: where the files are, or will be; `None` keeps rows in memory.
        num_rows: how many rows there will be.
        num_views: how many versions of each row.
        layout: for each tensor `(row_shape, dtype)`.
    """

    def store(view: int, index: int) -> MemoryRows | FileRows:
        if folder is None:
            return MemoryRows(num_rows, *layout[index])
        return FileRows(folder, f"view{view}-{index}", num_rows, *layout[index])

    numbers = range(len(layout))
    return [[store(v, i) for i in numbers] for v in range(num_views)]


def read_file(path: Path) -> bytes:
    """Returns the bytes of a file; a pipe, say, would never end.

    Raises:
        FileNotFoundError: it is none.
    """
    if not path.is_file():
        raise FileNotFoundError(path)
    return path.read_bytes()


def _mapped(path: Path) -> np.ndarray:
    if not path.is_file():
        raise FileNotFoundError(path)
    # A plain view of the map: picking from a `memmap` costs far more.
    array = np.load(path, mmap_mode="r", allow_pickle=False)
    return array.view(np.ndarray)


def num_bytes(num_rows: int, row_shape: Sequence[int], dtype: str) -> int:
    """Returns how many bytes that many rows take."""
    return num_rows * math.prod(row_shape) * stored_dtype(dtype).itemsize


def free_bytes(folder: PathLike) -> int:
    """Returns the free bytes where `folder` is, or will be."""
    folder = Path(folder).resolve()
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def encoded(rows: np.ndarray, dtype: str) -> np.ndarray:
    """Returns rows as they are kept; floats are rounded to the nearest."""
    return to_stored(np.asarray(rows).astype(dtype, copy=False))


def decoded(rows: np.ndarray, dtype: str) -> np.ndarray:
    """Returns kept rows as a model takes them: floats of 32 bits."""
    rows = from_stored(rows, dtype)
    return rows.astype("float32") if dtype in HALF_FLOATS else rows


def _picked(array: np.ndarray, rows: np.ndarray) -> np.ndarray:
    # Neighbours in one piece: a copy of them, not a walk from row to row.
    if len(rows) and (np.diff(rows) == 1).all():
        return np.array(array[rows[0] : rows[-1] + 1])
    return array[rows]
