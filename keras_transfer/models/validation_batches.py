"""Arrays to validate on, as batches whose samples can be read by number."""

import keras

from keras_transfer.data.batches import ArrayBatches
from keras_transfer.data.first_batch import are_arrays


def batched(data, options):
    """Returns arrays as `ArrayBatches`, and any other data as they are.

    Args:
        data: what `fit` got as `validation_data`.
        options: the other arguments of `fit`.
    """
    if not isinstance(data, tuple) and not are_arrays(data):
        return data
    arrays = keras.utils.unpack_x_y_sample_weight(data)
    size = options.get("validation_batch_size") or 32
    return ArrayBatches(*arrays, batch_size=size, shuffle=False)
