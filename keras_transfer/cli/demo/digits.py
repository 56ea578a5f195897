"""scikit-learn's digits as the demo uses them: turned, and anywhere."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from keras_transfer.data.sampling import few_shot

# `(images, labels)`.
Samples: TypeAlias = tuple[np.ndarray, np.ndarray]

SIZE = 16


def digits(classes: Sequence[int], copies: int = 1) -> dict[str, Samples]:
    """Some of the digits on a larger field, a third of them held out.

    As they come, all upright and in the middle, a ruler would tell them
    apart. Turned and moved they pose the problem that photos pose: what stays
    the same however a thing lies is what a source model can bring along.

    Args:
        classes: consecutive digits, such as `range(5, 10)`.
        copies: how often each training digit occurs, always differently.

    Returns:
        Dict of `train` and `test`, each `(images, labels)`: float32 images
        `(samples, 16, 16, 1)` in 0..255, labels from 0.
    """
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    images = images.reshape(-1, 8, 8) * (255 / 16)
    keep = np.isin(labels, list(classes))
    images, labels = images[keep], labels[keep] - classes[0]
    rng = np.random.default_rng(classes[0])
    order = rng.permutation(len(labels))
    held_out, rest = np.split(order, [len(order) // 3])
    parts = {"train": np.repeat(rest, copies), "test": held_out}
    return {
        name: (placed(images[chosen], rng), labels[chosen])
        for name, chosen in parts.items()
    }


def placed(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Each image turned, scaled and put somewhere on a field of `SIZE`.

    Args:
        images: `(samples, 8, 8)` in 0..255.
        rng: a `numpy.random.Generator`.

    Returns:
        float32 `(samples, 16, 16, 1)` of whole numbers in 0..255.
    """
    from scipy.ndimage import affine_transform

    fields = np.empty((len(images), SIZE, SIZE, 1), "float32")
    center = (np.array(images.shape[1:]) - 1) / 2
    for field, image in zip(fields, images, strict=True):
        angle, scale = rng.uniform(-0.4, 0.4), rng.uniform(0.8, 1.15)
        cosine, sine = scale * np.cos(angle), scale * np.sin(angle)
        matrix = np.array([[cosine, -sine], [sine, cosine]])
        place = (SIZE - 1) / 2 + rng.uniform(-3, 3, 2)
        field[..., 0] = affine_transform(
            image, matrix, center - matrix @ place, (SIZE, SIZE), order=1
        )
    return np.round(fields)


def few(data: Samples, shots: int, seed: int) -> Samples:
    """`shots` samples a class of `(images, labels)`, chosen by the seed."""
    images, labels = data
    chosen = few_shot(labels, shots, seed)
    return images[chosen], labels[chosen]
