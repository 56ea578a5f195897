"""Labels as numbers of classes, or what is wrong with them."""

import numpy as np
from numpy.typing import ArrayLike

from keras_transfer.data.nested import rows_not_finite


def class_numbers(labels: ArrayLike) -> tuple[np.ndarray, int]:
    """Returns classes as integers `(samples,)`, and how many are numbered.

    Args:
        labels: whole numbers from 0, `(samples,)` or `(samples, 1)`, or
            one-hot rows `(samples, classes)`.

    Raises:
        ValueError: words, NaN, parts of numbers, numbers below 0.
    """
    labels = np.asarray(labels)
    check_numbers(labels)
    if labels.ndim == 2 and labels.shape[1] > 1:
        return labels.argmax(axis=1), labels.shape[1]
    numbers = labels.reshape(-1).astype(int)
    if numbers.min() < 0 or (numbers != labels.reshape(-1)).any():
        raise ValueError(
            "Classes are whole numbers from 0. Received: labels from "
            f"{labels.min()} to {labels.max()}. Leave samples without a class "
            "out, or pass task='regression' for quantities."
        )
    return numbers, int(numbers.max()) + 1


def check_numbers(labels: np.ndarray) -> None:
    """Raises unless labels are finite numbers, one or a row for each sample.

    Raises:
        ValueError: words, NaN, more than rows.
    """
    if labels.dtype.kind not in "fiub":
        first = labels.flat[0] if labels.size else None
        raise ValueError(
            f"Labels are numbers. Received: '{first}' of type {labels.dtype}. "
            "Number them: names, labels = np.unique(labels, "
            "return_inverse=True)."
        )
    if labels.ndim not in (1, 2):
        raise ValueError(
            "Labels are one value or one row for each sample. Received: shape "
            f"{labels.shape}. Expected (samples,) or (samples, outputs)."
        )
    if bad := rows_not_finite(labels).size:
        raise ValueError(
            f"The labels hold NaN or infinity in {bad} of {len(labels)} "
            "samples. Expected finite numbers. Leave these samples out."
        )
