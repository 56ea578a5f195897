"""Some samples of a data set, as a data set of their own."""

import numpy as np

from keras_transfer.data.batches import SeededBatches
from keras_transfer.storage import fingerprints


class SubsetBatches(SeededBatches):
    """Chosen samples of `SeededBatches`, read from there.

    Args:
        batches: the data set, which has samples that can be read by number.
        indices: numbers of the samples, integers `(num_samples,)`.
        shuffle: `None` is as in `batches`.

    Raises:
        ValueError: there is nothing to choose, or a number is out of range.

    Example:

    ```python
    batches = ArrayBatches(images, labels)
    half = SubsetBatches(batches, np.arange(0, batches.num_samples, 2))
    ```
    """

    def __init__(self, batches, indices, *, shuffle=None):
        self.indices = np.asarray(indices, "int64").reshape(-1)
        super().__init__(
            len(self.indices),
            batch_size=batches.batch_size,
            shuffle=batches.shuffle if shuffle is None else shuffle,
            seed=batches.seed,
        )
        lowest, highest = self.indices.min(), self.indices.max()
        if lowest < 0 or highest >= batches.num_samples:
            raise ValueError(
                f"Samples have numbers from 0 to {batches.num_samples - 1}. "
                f"Received: indices from {lowest} to {highest}."
            )
        self.batches = batches
        self.class_names = batches.class_names

    def read(self, sample_ids):
        return self.batches.read(self.indices[sample_ids])

    def read_labels(self):
        return self.batches.read_labels()[self.indices]

    def fingerprint(self):
        return fingerprints.of_arrays(self.batches.fingerprint(), self.indices)
