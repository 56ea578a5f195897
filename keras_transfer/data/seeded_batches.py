"""Batches whose order is a pure function of the seed and the epoch."""

import copy
import math
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Self

import keras
import numpy as np

from keras_transfer._private.types import Nested
from keras_transfer.data.nested import as_tensors
from keras_transfer.data.sampling import epoch_order
from keras_transfer.storage import fingerprints
from keras_transfer.storage.printing import brief

if TYPE_CHECKING:
    from keras_transfer.data.mixing import Mixing


@lru_cache(maxsize=8)
def _order(
    seed: int, epoch: int, num_samples: int, shuffle: bool
) -> np.ndarray:
    order = epoch_order(seed, epoch, num_samples, shuffle)
    order.flags.writeable = False
    return order


class _Pass:
    """One walk over the data, driven by Keras.

    With `shuffle=True`, which is the default of `fit`, Keras asks for the
    batches in an order drawn from Python's global `random`. The first batch
    it asks for is our first, whatever its number, so that nothing but the
    seed and the epoch decides.
    """

    def __init__(self, epoch: int):
        self.epoch = epoch
        self.positions = {}

    def position(self, index: int) -> int:
        return self.positions.setdefault(index, len(self.positions))

    def in_progress(self, num_batches: int) -> bool:
        return 0 < len(self.positions) < num_batches


class SeededBatches(keras.utils.PyDataset):
    """Base of data sets that any Keras backend trains on, in seeded order.

    Subclasses implement `read(sample_ids)`. When Keras walks over the data
    (`fit`, `evaluate`, `predict`), `epoch` counts the finished walks of the
    current and earlier fits; reading by hand (`batches[3]`, a `for` loop)
    leaves it alone. To start at another epoch, set it: `batches.epoch = 5`.

    With `steps_per_epoch`, an epoch is that many batches of the endless
    sequence of passes over the data, so that every sample has its turn:
    epoch 1 begins where epoch 0 ended, in a resumed run too.

    Args:
        num_samples: how many samples there are.
        batch_size: samples a batch; the last one may be smaller.
        shuffle: `False` keeps the samples as they lie, in every epoch.
        seed: integer >= 0.
        steps_per_epoch: batches an epoch, or `None` for all. Pass it here
            rather than to `fit`.
        devices: number of devices that share each batch equally. The batch
            size becomes a multiple of it, and each pass leaves out the last
            samples in its order that are fewer than it.

    Attributes:
        epoch: the epoch that the next batch belongs to, from 0.
        class_names: names by label, where they are known.
        mixing: how the samples of each batch are mixed, or `None`.
        class_weight: weights by class where they are in the samples' weights.
    """

    class_names: list[str] | None = None
    mixing: "Mixing | None" = None
    class_weight: dict[int, float] | None = None

    def __init__(
        self,
        num_samples: int,
        *,
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int = 0,
        steps_per_epoch: int | None = None,
        devices: int = 1,
    ):
        super().__init__()
        _check_sizes(
            num_samples=num_samples,
            batch_size=batch_size,
            steps_per_epoch=steps_per_epoch,
        )
        if num_samples < devices:
            raise ValueError(
                f"{num_samples} samples cannot be shared by {devices} devices."
                " Train on one device, or on more samples."
            )
        self.num_samples = int(num_samples)
        self.batch_size = math.ceil(batch_size / devices) * devices
        self.devices = int(devices)
        self.shuffle = bool(shuffle)
        self.seed = int(seed)
        self.steps_per_epoch = steps_per_epoch
        self._epoch = 0
        self._pass: _Pass | None = None
        self._starting = False

    def __repr__(self) -> str:
        shuffled = "shuffled" if self.shuffle else "in order"
        return brief(
            self,
            f"{self.num_samples} samples in batches of {self.batch_size}",
            f"{shuffled} by seed {self.seed}" if self.shuffle else shuffled,
        )

    def read(self, sample_ids: np.ndarray) -> tuple:
        """Returns the batch of these samples, `(x,)`, `(x, y)` or with weights.

        Args:
            sample_ids: numbers of the samples, integers `(batch,)`.
        """
        raise NotImplementedError

    def fingerprint(self) -> str:
        """Returns a digest of all samples, whatever the order."""
        return fingerprints.of_each(self._all())

    def known_labels(self) -> Nested:
        """Returns the labels of all samples, `None` if not at hand."""
        return None

    def read_labels(self) -> np.ndarray:
        """Returns the labels of all samples, in the order of their numbers."""
        labels = self.known_labels()
        if labels is None:
            read = [np.asarray(batch[1]) for batch in self._all()]
            labels = np.concatenate(read)
        return labels

    def _all(self) -> Iterator[tuple]:
        """Yields all samples in batches, in the order of their numbers."""
        return (self.read(numbers) for numbers in self.numbers_in_batches())

    def numbers_in_batches(self) -> Iterator[np.ndarray]:
        """Yields the numbers of all samples, a batch after the other."""
        numbers = np.arange(self.num_samples)
        for start in range(0, self.num_samples, self.batch_size):
            yield numbers[start : start + self.batch_size]

    @property
    def order(self) -> dict:
        """What decides batches and their order, to build others alike."""
        return {
            "batch_size": self.batch_size,
            "shuffle": self.shuffle,
            "seed": self.seed,
            "steps_per_epoch": self.steps_per_epoch,
            "devices": self.devices,
        }

    @property
    def epoch(self) -> int:
        """The epoch that the next batch belongs to, from 0."""
        return self._epoch

    @epoch.setter
    def epoch(self, value: int) -> None:
        self._epoch = int(value)
        self._pass = None

    def starting_at(
        self, epoch: int = 0, steps_per_epoch: int | None = None
    ) -> "SeededBatches":
        """Returns the same data with its own clock, for one run of `fit`.

        Args:
            epoch: the epoch to start at, from 0.
            steps_per_epoch: batches an epoch; `None` leaves it.
        """
        run = copy.copy(self)
        run.epoch = epoch
        run._starting = False
        if steps_per_epoch is not None:
            run.steps_per_epoch = int(steps_per_epoch)
        return run

    def mixed(self, mixing: "Mixing") -> "SeededBatches":
        """Returns the same data, the samples of each batch mixed.

        Args:
            mixing: the `Mixing`.
        """
        run = copy.copy(self)
        run.mixing = mixing
        return run

    def for_devices(self, count: int) -> "SeededBatches":
        """Returns the same data in batches that devices share equally.

        Args:
            count: number of devices.
        """
        return self._with_order(devices=count)

    def in_batches_of(self, size: int) -> "SeededBatches":
        """Returns the same data in batches of another size.

        Args:
            size: samples a batch.
        """
        return self._with_order(batch_size=size)

    def reordered(self, seed: int) -> "SeededBatches":
        """Returns the same data, shuffled by another seed.

        Args:
            seed: integer >= 0.
        """
        return self._with_order(seed=seed, shuffle=True)

    def _with_order(self, **changes: Any) -> Self:
        run = copy.copy(self)
        SeededBatches.__init__(run, self.num_samples, **self.order | changes)
        return run

    def sample_ids(self, index: int, epoch: int | None = None) -> np.ndarray:
        """Returns the numbers of the samples in a batch.

        Args:
            index: number of the batch in its epoch.
            epoch: the epoch; `None` is the current one.
        """
        epoch = self._epoch if epoch is None else epoch
        if self.steps_per_epoch is not None:
            step = epoch * self.steps_per_epoch + index
            epoch, index = divmod(step, self._batches_in_pass)
        order = _order(self.seed, epoch, self.num_samples, self.shuffle)
        order = order[: self._samples_in_pass]
        return order[index * self.batch_size : (index + 1) * self.batch_size]

    @property
    def _samples_in_pass(self) -> int:
        return self.num_samples - self.num_samples % self.devices

    @property
    def _batches_in_pass(self) -> int:
        return math.ceil(self._samples_in_pass / self.batch_size)

    def __len__(self) -> int:
        return self.steps_per_epoch or self._batches_in_pass

    def __getitem__(self, index: int) -> tuple:
        index = range(len(self))[index]
        current = self._pass
        epoch = self._epoch
        if current is not None and self.shuffle:
            epoch, index = current.epoch, current.position(index)
        batch = self._batch(epoch, index)
        if self.mixing is None:
            return batch
        return self.mixing.mixed(batch, self.seed, epoch, index)

    def _batch(self, epoch: int, position: int) -> tuple:
        return as_tensors(self.read(self.sample_ids(position, epoch)))

    # Keras drives the clock through these three. `workers` is read once, when
    # `fit`, `evaluate` or `predict` takes the data; then an epoch is closed
    # that was never opened (or only to look at the shapes): not a real one.

    @property
    def workers(self) -> int:
        self._starting = True
        self._pass = None
        return 1

    def on_epoch_begin(self) -> None:
        # A pass goes on where `fit(steps_per_epoch=...)` cuts it up: what
        # TensorFlow has already fetched ahead then belongs to the same pass.
        if self._pass is None or not self._pass.in_progress(len(self)):
            self._pass = _Pass(self._epoch)

    def on_epoch_end(self) -> None:
        if self._starting:
            self._starting = False
            self._pass = None
        else:
            self._epoch += 1


class OrderOfEpoch(keras.callbacks.Callback):
    """Tells seeded batches which epoch it is, also after a resume.

    Args:
        batches: `SeededBatches`, or `None` where there is nobody to tell.
    """

    def __init__(self, batches: SeededBatches | None = None):
        super().__init__()
        self.batches = batches

    def on_epoch_begin(
        self, epoch: int, logs: dict[str, float] | None = None
    ) -> None:
        if self.batches is not None:
            self.batches.epoch = epoch


def _check_sizes(**sizes: int | None) -> None:
    for name, size in sizes.items():
        if size is not None and size < 1:
            raise ValueError(
                f"`{name}` must be at least 1. Received: {name}={size}."
            )
