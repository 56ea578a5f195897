"""The inputs of several data sets as one data set without labels."""

import keras
import numpy as np

from keras_transfer.data.batches import SeededBatches
from keras_transfer.storage import fingerprints


class JoinedInputs(SeededBatches):
    """The samples of several data sets, one after the other, without labels.

    Args:
        parts: `SeededBatches` whose inputs have the same structure and
            shapes.
        batch_size: samples a batch.
        seed: seed of the order.

    Raises:
        ValueError: inputs that are not alike.

    Example:

    ```python
    every = JoinedInputs([labelled, unlabelled])
    matcher.fit(every, epochs=5)
    ```
    """

    def __init__(self, parts, *, batch_size=32, seed=0):
        self.parts = list(parts)
        _check_alike(self.parts)
        self.starts = np.cumsum([0, *(p.num_samples for p in self.parts)])
        super().__init__(int(self.starts[-1]), batch_size=batch_size, seed=seed)

    def read(self, sample_ids):
        sample_ids = np.asarray(sample_ids)
        owners = np.searchsorted(self.starts, sample_ids, side="right") - 1
        places, found = [], []
        for owner in np.unique(owners):
            where = np.flatnonzero(owners == owner)
            numbers = sample_ids[where] - self.starts[owner]
            places.append(where)
            found.append(self.parts[owner].read(numbers)[0])
        order = np.argsort(np.concatenate(places))
        return (
            keras.tree.map_structure(
                lambda *leaves: np.concatenate(leaves)[order], *found
            ),
        )

    def fingerprint(self):
        names = "".join(part.fingerprint() for part in self.parts)
        return fingerprints.of_arrays(names)


def _check_alike(parts):
    shapes = [_shapes(part.read(np.arange(1))[0]) for part in parts]
    for found in shapes[1:]:
        if found != shapes[0]:
            raise ValueError(
                "Data sets are trained on together, and their samples are not "
                f"of one shape. Received: {shapes[0]} and {found} (labelled "
                "samples first). Resize them to one size, as data.load does "
                "with image_size=."
            )


def _shapes(inputs):
    # As text: a structure of tuples is one of other structures to Keras.
    return str(keras.tree.map_structure(lambda x: str(np.shape(x)[1:]), inputs))
