"""One photo file to one uint8 array: the only way photos are read."""

import errno
import os
import stat
from functools import lru_cache

import numpy as np

# What Pillow reads without starting other programs, and knows by its first
# bytes.
_FORMATS = (
    *("JPEG", "PNG", "GIF", "BMP", "WEBP"),
    *("TIFF", "PPM", "JPEG2000", "AVIF", "ICO"),
)
_EXIF_ORIENTATION = 0x0112
_SIDEWAYS = {5, 6, 7, 8}


class PhotoError(ValueError):
    """A file that can't be read as a photo; `.path` and `.reason` say why."""

    def __init__(self, path, reason):
        super().__init__(f"{path}: {reason}")
        self.path = str(path)
        self.reason = reason


def read_photo(path, image_size=224, channels: int = 3) -> np.ndarray:
    """Read a photo, upright, stretched to a size.

    Any mode becomes RGB: greyscale is repeated, palette and CMYK are
    converted, transparent pixels are laid over white, 16-bit grey keeps its
    upper 8 bits, of an animation the first frame counts. EXIF rotation is
    applied. Resizing is bilinear with antialiasing and ignores the aspect
    ratio, as `keras.utils.image_dataset_from_directory` does by default;
    large JPEGs are decoded at a reduced scale, never below twice the size.

    Args:
        path: file to read.
        image_size: side in pixels, or `(height, width)`.
        channels: 3 for RGB, 1 for grey.

    Returns:
        uint8 array of shape `(height, width, channels)`.

    Raises:
        PhotoError: for anything that isn't a whole photo.

    Example:

    ```python
    batch = read_photo("rose.jpg", image_size=224)[None]
    scores = model.predict(batch)
    ```
    """
    height, width = height_and_width(image_size)
    with _named_errors(path), _open(path) as image:
        return _pixels(image, (width, height), channels)


def check_photo(path) -> str | None:
    """Why a file can't be read as a photo, or `None` for a good one.

    Decodes the whole file, JPEGs at an eighth of the scale.
    """
    try:
        with _named_errors(path), _open(path) as image:
            image.draft(None, (1, 1))
            image.load()
            _refuse_mode(image)
    except PhotoError as error:
        return error.reason
    return None


def height_and_width(image_size) -> tuple[int, int]:
    """`224` or `(height, width)` as a pair of positive integers."""
    pair = (
        (image_size, image_size)
        if np.ndim(image_size) == 0
        else tuple(image_size)
    )
    if len(pair) != 2 or any(int(side) != side or side < 1 for side in pair):
        raise ValueError(
            "`image_size` must be a number of pixels or a pair "
            f"(height, width). Received: {image_size!r}."
        )
    return int(pair[0]), int(pair[1])


class _named_errors:  # noqa: N801 (reads as a function)
    """Turns whatever the file system or a decoder raises into PhotoError."""

    def __init__(self, path):
        self.path = path

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        # Decoders raise anything from SyntaxError to struct.error on damaged
        # files, so the line is drawn at Exception, not at a list.
        if isinstance(error, Exception) and not isinstance(error, PhotoError):
            raise PhotoError(self.path, _reason(error)) from error


def _reason(error: Exception) -> str:
    from PIL import Image, UnidentifiedImageError

    if isinstance(error, UnidentifiedImageError):
        return "not an image"
    if isinstance(error, Image.DecompressionBombError):
        return _too_many_pixels()
    if isinstance(error, OSError) and error.errno is not None:
        return _FILE_REASONS.get(error.errno, os.strerror(error.errno))
    text = " ".join(str(error).split())[:80]
    kind = "truncated" if "truncated" in text else "damaged"
    return f"{kind} ({text or type(error).__name__})"


_FILE_REASONS = {
    errno.ENOENT: "no such file, or a broken link",
    errno.ELOOP: "a link that leads back to itself",
    errno.EACCES: "may not be read by this user",
    errno.EISDIR: "a folder",
}


def _too_many_pixels():
    from PIL import Image

    limit = Image.MAX_IMAGE_PIXELS
    return f"huge: more than {limit:,} pixels (PIL.Image.MAX_IMAGE_PIXELS)"


def _open(path):
    from PIL import Image

    status = os.stat(path)
    if stat.S_ISDIR(status.st_mode):
        raise PhotoError(path, "a folder")
    if not stat.S_ISREG(status.st_mode):
        raise PhotoError(path, "not a regular file")
    if status.st_size == 0:
        raise PhotoError(path, "empty")
    image = Image.open(path, formats=_known_formats())
    limit = Image.MAX_IMAGE_PIXELS
    if limit is not None and image.width * image.height > limit:
        image.close()
        raise PhotoError(path, _too_many_pixels())
    return image


@lru_cache(maxsize=1)
def _known_formats():
    """Those of our formats that this Pillow was built with."""
    from PIL import Image

    Image.init()
    return [name for name in _FORMATS if name in Image.OPEN]


def _pixels(image, size, channels) -> np.ndarray:
    from PIL import Image

    orientation = image.getexif().get(_EXIF_ORIENTATION, 1)
    # Resizing before turning is cheaper: the size is turned instead.
    size = size[::-1] if orientation in _SIDEWAYS else size
    image.draft(None, (2 * size[0], 2 * size[1]))
    image = _to_mode(image, "L" if channels == 1 else "RGB")
    image = image.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
    array = np.asarray(_upright(image, orientation))
    return array[..., None] if array.ndim == 2 else array


def _to_mode(image, mode):
    from PIL import Image

    _refuse_mode(image)
    if image.mode == mode:
        return image
    if image.mode.startswith("I"):
        high_bytes = (np.clip(np.asarray(image), 0, 65535) >> 8).astype("uint8")
        return Image.fromarray(high_bytes).convert(mode)
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image.convert("RGBA"))
    return image.convert(mode)


def _refuse_mode(image):
    if image.mode == "F":
        raise PhotoError(
            image.filename, "floating-point pixels, whose range nobody states"
        )


def _upright(image, orientation):
    from PIL import Image

    turn = Image.Transpose
    turns = {
        2: turn.FLIP_LEFT_RIGHT,
        3: turn.ROTATE_180,
        4: turn.FLIP_TOP_BOTTOM,
        5: turn.TRANSPOSE,
        6: turn.ROTATE_270,
        7: turn.TRANSVERSE,
        8: turn.ROTATE_90,
    }
    return (
        image.transpose(turns[orientation]) if orientation in turns else image
    )
