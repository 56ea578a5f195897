"""Opening photo files, and saying what is wrong with those that aren't."""

from __future__ import annotations

import errno
import io
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

from keras_transfer._private.types import PathLike

if TYPE_CHECKING:
    from PIL import Image

# What Pillow reads without starting other programs, and knows by its first
# bytes. HEIF only where the user has registered pillow-heif.
_FORMATS = (
    *("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF"),
    *("PPM", "JPEG2000", "AVIF", "ICO", "HEIF"),
)
# A file, the encoded bytes of one, or where these are read from.
Photo: TypeAlias = "PathLike | bytes | Record"
_LARGE_FILE = 64 * 2**20


class PhotoError(ValueError):
    """A file that can't be read as a photo.

    Args:
        path: the file, or the bytes of an encoded photo.
        reason: why.

    Attributes:
        path: the file, or "the encoded photo".
        reason: why.
    """

    def __init__(self, path: Photo, reason: str):
        path = "the encoded photo" if isinstance(path, bytes) else path
        super().__init__(f"{path}: {reason}")
        self.path = str(path)
        self.reason = reason


@dataclass(frozen=True)
class Record:
    """An encoded photo inside a larger source, named for error messages."""

    source: Sequence
    index: int
    where: str

    def __str__(self) -> str:
        return f"record {self.index} of {self.where}"

    def read(self) -> bytes:
        return bytes(self.source[self.index])


@contextmanager
def named_errors(path: Photo) -> Iterator[None]:
    """Turns whatever the file system or a decoder raises into PhotoError."""
    try:
        yield
    except PhotoError:
        raise
    # Decoders raise anything from SyntaxError to struct.error on damaged
    # files, so the line is drawn at Exception, not at a list.
    except Exception as error:
        raise PhotoError(path, _reason(error, path)) from error


def _reason(error: Exception, path: Photo) -> str:
    from PIL import Image, UnidentifiedImageError

    if isinstance(error, UnidentifiedImageError):
        is_heic = str(path).lower().endswith((".heic", ".heif"))
        return "not an image" + (_HEIC if is_heic else "")
    if isinstance(error, Image.DecompressionBombError):
        return _too_many_pixels()
    if isinstance(error, OSError) and error.errno is not None:
        return _FILE_REASONS.get(error.errno, os.strerror(error.errno))
    text = " ".join(str(error).split())[:80]
    kind = "truncated" if "truncated" in text else "damaged"
    return f"{kind} ({text or type(error).__name__})"


_HEIC = " that Pillow reads (HEIC: pip install pillow-heif and register it)"
_FILE_REASONS = {
    errno.ENOENT: "no such file, or a broken link",
    errno.ELOOP: "a link that leads back to itself",
    errno.EACCES: "may not be read by this user",
    errno.EISDIR: "a folder",
}


def _too_many_pixels() -> str:
    from PIL import Image

    limit = Image.MAX_IMAGE_PIXELS
    return f"huge: more than {limit:,} pixels (PIL.Image.MAX_IMAGE_PIXELS)"


def open_photo(path: Photo) -> Image.Image:
    """A Pillow image, not yet decoded, of a path, bytes or a `Record`."""
    from PIL import Image

    image = Image.open(_file_object(path), formats=_known_formats())
    limit = Image.MAX_IMAGE_PIXELS
    if limit is not None and image.width * image.height > limit:
        image.close()
        raise PhotoError(path, _too_many_pixels())
    if image.mode == "F":
        image.close()
        raise PhotoError(path, "floating-point pixels of unknown range")
    return image


def _file_object(path: Photo) -> PathLike | io.BytesIO:
    if isinstance(path, bytes):
        return io.BytesIO(path)
    if isinstance(path, Record):
        return io.BytesIO(path.read())
    if _size_of_regular_file(path) > _LARGE_FILE:
        return path
    # In one piece: a decoder's many small reads, each of which lets other
    # threads have the interpreter, cost two threads a fifth of their time.
    with open(path, "rb", buffering=0) as file:
        return io.BytesIO(file.read())


def _size_of_regular_file(path: PathLike) -> int:
    status = os.stat(path)
    if stat.S_ISDIR(status.st_mode):
        raise PhotoError(path, "a folder")
    if not stat.S_ISREG(status.st_mode):
        raise PhotoError(path, "not a regular file")
    if status.st_size == 0:
        raise PhotoError(path, "empty")
    return status.st_size


@lru_cache(maxsize=1)
def _known_formats() -> list[str]:
    """Those of our formats that this Pillow was built with."""
    from PIL import Image

    Image.init()
    return [name for name in _FORMATS if name in Image.OPEN]
