"""The inputs of several data sets as one data set without labels."""

import keras
import numpy as np

from keras_transfer import fingerprints
from keras_transfer.batches import SeededBatches


class JoinedInputs(SeededBatches):
    """The samples of several data sets, one after the other, without labels.

    Args:
        parts: `SeededBatches` whose inputs have the same structure.
        batch_size: samples a batch.
        seed: seed of the order.

    Example:

    ```python
    every = JoinedInputs([labelled, unlabelled])
    matcher.fit(every, epochs=5)
    ```
    """

    def __init__(self, parts, *, batch_size=32, seed=0):
        self.parts = list(parts)
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
        return fingerprints.of_arrays(np.frombuffer(names.encode(), "uint8"))
