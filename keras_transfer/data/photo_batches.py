"""Batches of photos, decoded ahead by a pool of threads."""

import math
import threading

import numpy as np

from keras_transfer.batches import SeededBatches
from keras_transfer.data.photo import height_and_width, read_photo
from keras_transfer.data.pool import num_threads, pool

# Photos a task: few enough to share a batch out, enough to pay for a task.
_PHOTOS_A_TASK = 8


class PhotoBatches(SeededBatches):
    """Photo files as `(uint8 images, labels)` batches in seeded order.

    While a batch is being used, the next ones of the same epoch are read.
    Works on every backend and needs Pillow, not TensorFlow.

    Args:
        paths: files, one a sample.
        labels: array of shape `(num_samples,)` or `(num_samples, outputs)`.
        image_size: side in pixels, or `(height, width)`.
        channels: 3 for RGB, 1 for grey.
        batch_size: samples a batch; the last one may be smaller.
        shuffle: `False` keeps the samples as they lie.
        seed: integer >= 0.

    Raises:
        PhotoError: when a batch is read, naming the file that is no photo.

    Example:

    ```python
    batches = PhotoBatches(["a.jpg", "b.jpg"], labels=[0, 1], batch_size=2)
    images, labels = batches[0]  # (2, 224, 224, 3) in 0..255
    ```
    """

    def __init__(
        self,
        paths,
        labels,
        *,
        image_size=224,
        channels=3,
        batch_size=32,
        shuffle=True,
        seed=0,
    ):
        super().__init__(
            len(paths), batch_size=batch_size, shuffle=shuffle, seed=seed
        )
        self.paths = [str(path) for path in paths]
        self.labels = np.asarray(labels)
        self.image_size = height_and_width(image_size)
        self.channels = channels
        self._ahead = _LookAhead()

    def read(self, sample_ids):
        return self._start(sample_ids)()

    def starting_at(self, epoch=0, steps_per_epoch=None):
        run = super().starting_at(epoch, steps_per_epoch)
        run._ahead = _LookAhead()
        return run

    def _batch(self, epoch, position):
        last = min(len(self), position + 1 + self._num_batches_ahead)
        wanted = [(epoch, number) for number in range(position, last)]
        return self._ahead.take(wanted, lambda key: self._start_key(*key))()

    def _start_key(self, epoch, position):
        return self._start(self.sample_ids(position, epoch))

    def _start(self, sample_ids):
        """Begins to read a batch; call what it returns to wait for it."""
        images = np.empty(
            (len(sample_ids), *self.image_size, self.channels), np.uint8
        )
        tasks = [
            pool().submit(self._fill, images, sample_ids, start)
            for start in range(0, len(sample_ids), _PHOTOS_A_TASK)
        ]

        def finish():
            for task in tasks:
                task.result()
            return images, self.labels[sample_ids]

        return finish

    def _fill(self, images, sample_ids, start):
        for row in range(start, min(start + _PHOTOS_A_TASK, len(images))):
            images[row] = read_photo(
                self.paths[sample_ids[row]], self.image_size, self.channels
            )

    @property
    def _num_batches_ahead(self):
        photos = 2 * _PHOTOS_A_TASK * num_threads()
        return max(1, math.ceil(photos / self.batch_size))


class _LookAhead:
    """Batches that were begun and not yet asked for."""

    def __init__(self):
        self._begun = {}
        self._lock = threading.Lock()

    def take(self, wanted, start):
        """The first of `wanted`, after beginning all of them in order.

        What isn't wanted any more (an epoch that was left) is dropped.
        """
        with self._lock:
            self._begun = {
                key: self._begun[key] if key in self._begun else start(key)
                for key in wanted
            }
            return self._begun.pop(wanted[0])
