"""Batches of photos, decoded ahead by a pool of threads."""

import math
import threading
from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from keras_transfer._private.types import PathLike
from keras_transfer.data.photos.caching import kept_photos
from keras_transfer.data.photos.photo import height_and_width, read_photo_into
from keras_transfer.data.photos.photo_file import Record
from keras_transfer.data.photos.pool import num_threads, pool
from keras_transfer.data.seeded_batches import SeededBatches
from keras_transfer.storage import fingerprints

# Photos a task: few enough to share a batch out, enough to pay for a task.
_PHOTOS_A_TASK = 8


class PhotoBatches(SeededBatches):
    """Photo files as batches of `(uint8 images, labels)`, in seeded order.

    While a batch is being used, the next ones of the same epoch are read.
    Works on every backend and needs Pillow, not TensorFlow.

    Args:
        photos: files, one a sample.
        labels: array of shape `(num_samples,)` or `(num_samples, outputs)`;
            without, batches are `(images,)`.
        image_size: side in pixels, or `(height, width)`.
        channels: 3 for RGB, 1 for grey.
        cache: `True` keeps every decoded photo in memory after it was first
            read, `"auto"` does where they take little of it, `False` never.
        **order: `batch_size`, `shuffle`, `seed` and `steps_per_epoch`, as in
            `SeededBatches`.

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
        photos: Sequence[PathLike | Record],
        labels: ArrayLike | None = None,
        *,
        image_size: int | tuple[int, int] = 224,
        channels: int = 3,
        cache: bool | str = "auto",
        **order: Any,
    ):
        super().__init__(len(photos), **order)
        self.photos = list(photos)
        self.labels = None if labels is None else np.asarray(labels)
        self.image_size = height_and_width(image_size)
        self.channels = channels
        self._kept = kept_photos(
            cache, (self.num_samples, *self.image_size, channels)
        )
        self._ahead = _LookAhead()

    def read(self, sample_ids: np.ndarray) -> tuple:
        return self._start(sample_ids)()

    def known_labels(self) -> np.ndarray | None:
        return self.labels

    def fingerprint(self) -> str:
        files = fingerprints.of_files(self.photos)
        how = f"{files} {self.image_size} {self.channels}"
        return fingerprints.of_arrays(how, self.labels)

    def starting_at(
        self, epoch: int = 0, steps_per_epoch: int | None = None
    ) -> Self:
        run = super().starting_at(epoch, steps_per_epoch)
        run._ahead = _LookAhead()
        return run

    def _batch(self, epoch: int, position: int) -> tuple:
        wanted = self._keys_from(epoch, position)
        return self._ahead.take(wanted, lambda key: self._start_key(*key))()

    def _keys_from(self, epoch: int, position: int) -> list[tuple[int, int]]:
        """This batch and those to begin with it, into the next epoch."""
        numbers = range(position, position + 1 + self._num_batches_ahead)
        keys = [(epoch + n // len(self), n % len(self)) for n in numbers]
        # Data that don't train are often read once: nothing comes after.
        return [key for key in keys if self.shuffle or key[0] == epoch]

    def _start_key(self, epoch: int, position: int) -> Callable[[], tuple]:
        return self._start(self.sample_ids(position, epoch))

    def _start(self, sample_ids: np.ndarray) -> Callable[[], tuple]:
        """Begins to read a batch; call what it returns to wait for it."""
        if self._kept is not None and self._kept.here[sample_ids].all():
            images = self._kept.images[sample_ids]
            return lambda: self._with_labels(images, sample_ids)
        shape = (len(sample_ids), *self.image_size, self.channels)
        images = np.empty(shape, np.uint8)
        tasks = [
            pool().submit(self._fill, images, sample_ids, start)
            for start in range(0, len(sample_ids), _PHOTOS_A_TASK)
        ]

        def finish() -> tuple:
            for task in tasks:
                task.result()
            return self._with_labels(images, sample_ids)

        return finish

    def _with_labels(self, images: np.ndarray, sample_ids: np.ndarray) -> tuple:
        if self.labels is None:
            return (images,)
        return images, self.labels[sample_ids]

    def _fill(
        self, images: np.ndarray, sample_ids: np.ndarray, start: int
    ) -> None:
        numbers = sample_ids[start : start + _PHOTOS_A_TASK]
        for row, number in enumerate(numbers, start):
            self._read_one(number, images[row])

    def _read_one(self, number: int, out: np.ndarray) -> None:
        kept = self._kept
        if kept is not None and kept.here[number]:
            out[...] = kept.images[number]
            return
        read_photo_into(self.photos[number], out)
        if kept is not None:
            kept.keep(number, out)

    @property
    def _num_batches_ahead(self) -> int:
        photos = 2 * _PHOTOS_A_TASK * num_threads()
        return max(1, math.ceil(photos / self.batch_size))


class _LookAhead:
    """Batches that were begun and not yet asked for."""

    def __init__(self) -> None:
        self._begun = {}
        self._lock = threading.Lock()

    def take(
        self,
        wanted: list[tuple[int, int]],
        start: Callable[[tuple[int, int]], Callable[[], tuple]],
    ) -> Callable[[], tuple]:
        """The first of `wanted`, after beginning all of them in order.

        What isn't wanted any more (an epoch that was left) is dropped.
        """
        with self._lock:
            self._begun = {
                key: self._begun[key] if key in self._begun else start(key)
                for key in wanted
            }
            return self._begun.pop(wanted[0])
