"""Photos below a folder, without labels."""

from pathlib import Path
from typing import Any

import numpy as np

from keras_transfer._private.types import PathLike
from keras_transfer.data.photos.checking import good_photos
from keras_transfer.data.photos.photo_batches import PhotoBatches
from keras_transfer.data.sources.folder import PHOTO_SUFFIXES

_MOST = 2000


def photos_below(folder: Path) -> list[Path]:
    """Files that are named like photos, at any depth; no hidden ones."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in PHOTO_SUFFIXES
        and not path.is_dir()
        and not any(
            part.startswith(".") for part in path.relative_to(folder).parts
        )
    )


def loose_photos(
    folder: PathLike, *, most: int = _MOST, seed: int = 0, **reading: Any
) -> PhotoBatches:
    """Returns batches `(images,)` of the photos below a folder.

    Args:
        folder: a folder; how photos lie in it does not matter.
        most: how many are drawn, where there are more.
        seed: seed of the draw.
        **reading: `image_size` and `channels`, as in `PhotoBatches`.

    Raises:
        FileNotFoundError: there is no such folder.
        ValueError: no photo in it can be read.
    """
    folder = Path(folder).expanduser()
    if not folder.is_dir():
        raise FileNotFoundError(
            f"There is no folder '{folder}'. Expected a folder of photos."
        )
    paths = photos_below(folder)
    if len(paths) > most:
        random = np.random.default_rng(seed)
        chosen = random.choice(len(paths), most, replace=False)
        paths = [paths[index] for index in sorted(chosen)]
    good, _ = good_photos(paths)
    if not good:
        raise ValueError(
            f"No photo in '{folder}' can be read. Received: {len(paths)} files "
            "that are named like photos. Expected JPEG, PNG or another format "
            "that Pillow reads."
        )
    return PhotoBatches(sorted(map(str, good)), shuffle=False, **reading)
