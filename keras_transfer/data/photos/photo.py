"""One photo file to one uint8 array: the only way photos are read."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from keras_transfer.data.photos.photo_file import (
    Photo,
    PhotoError,
    named_errors,
    open_photo,
)
from keras_transfer.data.photos.pool import num_threads
from keras_transfer.data.photos.resizing import resize_into

if TYPE_CHECKING:
    from PIL import Image

_EXIF_ORIENTATION = 0x0112
_SIDEWAYS = {5, 6, 7, 8}


def read_photo(
    path: Photo, image_size: int | tuple[int, int] = 224, channels: int = 3
) -> np.ndarray:
    """Read a photo, upright, stretched to a size.

    Any mode becomes RGB: greyscale is repeated, palette and CMYK are
    converted, transparent pixels are laid over white, 16-bit grey keeps its
    upper 8 bits, of an animation the first frame counts. EXIF rotation is
    applied. The photo is stretched, whatever its aspect ratio, as
    `keras.utils.image_dataset_from_directory` does by default; bilinear with
    antialiasing. Large JPEGs are decoded at a half, a quarter or an eighth
    of their scale, never below the size asked for.

    Args:
        path: file to read, or the encoded bytes of one.
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
    photo = np.empty((*height_and_width(image_size), channels), np.uint8)
    read_photo_into(path, photo)
    return photo


def read_photo_into(path: Photo, out: np.ndarray) -> None:
    """`read_photo`, written to an array that gives size and channels."""
    with named_errors(path), open_photo(path) as image:
        _keep_freed_memory()
        _write_pixels(image, out)


def check_photo(path: Photo) -> tuple[str | None, int | None]:
    """Why a file can't be read as a photo, and its largest value.

    Decodes the whole file, JPEGs at an eighth of the scale.

    Args:
        path: as in `read_photo`.

    Returns:
        The reason, `None` for a good one; and the largest pixel of a grey
        file of more than 8 bits, else `None`.
    """
    try:
        with named_errors(path), open_photo(path) as image:
            image.draft(None, (1, 1))
            image.load()
            is_deep = image.mode.startswith("I")
            return None, int(np.asarray(image).max()) if is_deep else None
    except PhotoError as error:
        return error.reason, None


def height_and_width(image_size: int | Sequence[int]) -> tuple[int, int]:
    """`224` or `(height, width)` as a pair of positive integers."""
    is_side = np.ndim(image_size) == 0
    pair: tuple = (image_size, image_size) if is_side else tuple(image_size)  # type: ignore[arg-type]
    if len(pair) != 2 or any(int(side) != side or side < 1 for side in pair):
        raise ValueError(
            "`image_size` must be a number of pixels or a pair "
            f"(height, width). Received: {image_size!r}."
        )
    return int(pair[0]), int(pair[1])


def _write_pixels(image: Image.Image, out: np.ndarray) -> None:
    orientation = image.getexif().get(_EXIF_ORIENTATION, 1)
    # Resizing before turning is cheaper, into the size that will be turned.
    sideways = orientation in _SIDEWAYS
    shape = out.swapaxes(0, 1).shape
    lying = np.empty(shape, np.uint8) if sideways else out
    image.draft(None, (lying.shape[1], lying.shape[0]))
    image = _to_mode(image, "L" if out.shape[2] == 1 else "RGB")
    resize_into(image, lying)
    if orientation in _UPRIGHT:
        out[...] = _UPRIGHT[orientation](lying).copy()


def _to_mode(image: Image.Image, mode: str) -> Image.Image:
    from PIL import Image

    if image.mode == mode:
        return image
    if image.mode.startswith("I"):
        high_bytes = (np.clip(np.asarray(image), 0, 65535) >> 8).astype("uint8")
        return Image.fromarray(high_bytes).convert(mode)
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image.convert("RGBA"))
    return image.convert(mode)


# What undoes each value of the EXIF tag; 1 is upright.
_UPRIGHT = {
    2: lambda photo: photo[:, ::-1],
    3: lambda photo: photo[::-1, ::-1],
    4: lambda photo: photo[::-1],
    5: lambda photo: photo.swapaxes(0, 1),
    6: lambda photo: np.rot90(photo, -1),
    7: lambda photo: photo[::-1, ::-1].swapaxes(0, 1),
    8: lambda photo: np.rot90(photo),
}


@lru_cache(maxsize=1)
def _keep_freed_memory() -> None:
    """Lets Pillow reuse the memory of its last images.

    Giving it back to the system after each one costs a quarter of the time
    that a small photo takes. `PILLOW_BLOCKS_MAX` goes before.
    """
    from PIL import Image

    if Image.core.get_blocks_max() == 0:
        Image.core.set_blocks_max(4 * num_threads())
