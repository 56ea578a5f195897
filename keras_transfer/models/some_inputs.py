"""A look at the inputs of a data set, without disturbing it."""

import math

import keras
import numpy as np

from keras_transfer.batches import ReorderedBatches, SeededBatches

_BATCH = 32


def some_inputs(data, count):
    """Returns batches of inputs, about `count` samples, the same each time.

    Samples that can be read by number are spread over the whole data set:
    they often lie class by class. Otherwise the first batches are taken.

    Args:
        data: what `fit` trains on, arrays already wrapped.
        count: samples wanted; there may be fewer.

    Returns:
        A list of batches of inputs, empty where looking would use data up.
    """
    if isinstance(data, ReorderedBatches):
        data = data.batches
    if isinstance(data, SeededBatches):
        count = min(count, data.num_samples)
        numbers = np.linspace(0, data.num_samples - 1, count).astype(int)
        parts = np.split(numbers, range(_BATCH, count, _BATCH))
        return [_inputs(data.read(part)) for part in parts]
    if isinstance(data, keras.utils.PyDataset):
        walk = (data[index] for index in range(len(data)))
    elif hasattr(data, "__iter__") and not hasattr(data, "__next__"):
        walk = iter(data)
    else:
        return []
    found = []
    for batch in walk:
        found.append(_inputs(batch))
        size = len(keras.tree.flatten(found[-1])[0])
        if len(found) >= math.ceil(count / size):
            break
    return found


def joined(batches):
    """One batch from several, as arrays."""
    return keras.tree.map_structure(
        lambda *parts: np.concatenate(
            [keras.ops.convert_to_numpy(part) for part in parts]
        ),
        *batches,
    )


def _inputs(batch):
    if isinstance(batch, list):
        batch = tuple(batch)
    return keras.utils.unpack_x_y_sample_weight(batch)[0]
