"""scikit-learn's handwritten digits: real data that need no download."""

from collections.abc import Iterable

import numpy as np

from keras_transfer.data.dataset import LabelledInputs, Source
from keras_transfer.data.photos.photo import height_and_width
from keras_transfer.data.sources.folder import chosen_classes


def find_digits(
    image_size: int | tuple[int, int] | None,
    channels: int,
    classes: Iterable[str] | None = None,
) -> Source:
    """1797 digits as uint8 images in 0..255.

    Args:
        image_size: side in pixels, `(height, width)`, or `None` for 8.
        channels: 1, or 3 for the grey repeated.
        classes: names of the digits to keep, in the order of their labels.
    """
    from PIL import Image
    from sklearn.datasets import load_digits

    grey, digits = load_digits(return_X_y=True)
    names = [str(digit) for digit in range(10)]
    if classes is not None:
        names = chosen_classes(classes, names)
    kept = np.isin(digits, [int(name) for name in names])
    labels = np.argmax(digits[kept, None] == [int(n) for n in names], axis=1)
    images = np.round(grey[kept].reshape(-1, 8, 8) * (255 / 16)).astype("uint8")
    size = height_and_width(8 if image_size is None else image_size)
    # Pillow leaves an image alone that has the size already.
    images = [
        Image.fromarray(image).resize(size[::-1], Image.Resampling.BILINEAR)
        for image in images
    ]
    images = np.repeat(np.stack(images)[..., None], channels, axis=-1)
    return Source({"all": LabelledInputs(images, labels)}, names)
