"""The labels of a data set as classes, checked."""

import numpy as np

from keras_transfer.recipes.assessment.target_data import num_classes_of
from keras_transfer.recipes.head_stage import with_integer_labels


def class_labels(batches, name, num_outputs=None):
    """Returns classes as integers `(samples,)`; `None` if there are none.

    Args:
        batches: `SeededBatches`, with labels or without.
        name: what to call the data in a message.
        num_outputs: outputs of the head that the labels number, or `None`.

    Raises:
        ValueError: labels that are not whole numbers from 0, or more classes
            than outputs.
    """
    first = batches.read(np.arange(1))
    if len(first) < 2 or first[1] is None:
        return None
    found = num_classes_of(batches)
    if num_outputs is not None and found > num_outputs:
        raise ValueError(
            f"The labels of `{name}` do not fit the head, which has "
            f"{num_outputs} outputs. Received: labels up to {found - 1}. "
            f"Expected classes numbered from 0 to {num_outputs - 1}."
        )
    labels = np.asarray(batches.read_labels())
    return with_integer_labels("softmax", (None, labels))[1].astype(int)
