"""A look at the inputs of a data set, without disturbing it."""

import math

import keras
import numpy as np

from keras_transfer.data import first_batch
from keras_transfer.data.batches import ReorderedBatches
from keras_transfer.data.nested import concatenated, num_rows
from keras_transfer.data.seeded_batches import SeededBatches

_BATCH = 32


def sample_inputs(data, count):
    """Returns batches of inputs, about `count` samples, the same each time.

    Samples that can be read by number are spread over the whole data set:
    they often lie class by class. Otherwise the first batches are taken.

    Args:
        data: what `fit` trains on, arrays already wrapped.
        count: samples wanted; there may be fewer.

    Returns:
        A list of batches of inputs, empty where looking would use data up or
        move their order: of generators and of `tf.data`.
    """
    if isinstance(data, ReorderedBatches):
        data = data.batches
    if isinstance(data, SeededBatches):
        count = min(count, data.num_samples)
        numbers = np.linspace(0, data.num_samples - 1, count).astype(int)
        parts = np.split(numbers, range(_BATCH, count, _BATCH))
        return [data.read(part)[0] for part in parts]
    if isinstance(data, keras.utils.PyDataset):
        return _first(map(data.__getitem__, range(len(data))), count)
    once = hasattr(data, "__next__") or not hasattr(data, "__iter__")
    if once or first_batch.is_tf_dataset(data):
        return []
    if first_batch.is_torch_loader(data):
        with first_batch.order_kept(data):
            return _first(data, count)
    return _first(data, count)


def _first(batches, count):
    found = []
    for batch in batches:
        found.append(keras.utils.unpack_x_y_sample_weight(batch)[0])
        if len(found) >= math.ceil(count / num_rows(found[-1])):
            break
    return found


def joined(batches):
    """One batch from several, as arrays."""
    return concatenated(
        keras.tree.map_structure(keras.ops.convert_to_numpy, batches)
    )
