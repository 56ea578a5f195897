"""The labels of a data set as classes, checked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from keras_transfer.recipes.assessment.class_numbers import class_numbers

if TYPE_CHECKING:
    from keras_transfer.data.seeded_batches import SeededBatches


def class_labels(
    batches: SeededBatches, name: str, num_outputs: int | None = None
) -> np.ndarray | None:
    """Returns classes as integers `(samples,)`; `None` if there are none.

    Args:
        batches: `SeededBatches`, with labels or without.
        name: what to call the data in a message.
        num_outputs: outputs of the head that the labels number, or `None`.

    Raises:
        ValueError: as `class_numbers`, or more classes than outputs.
    """
    first = batches.read(np.arange(1))
    if len(first) < 2 or first[1] is None:
        return None
    labels, found = class_numbers(batches.read_labels())
    if num_outputs is not None and found > num_outputs:
        raise ValueError(
            f"The labels of `{name}` do not fit the head, which has "
            f"{num_outputs} outputs. Received: labels up to {found - 1}. "
            f"Expected classes numbered from 0 to {num_outputs - 1}."
        )
    return labels
