"""What `data.load` returns, and how samples become it."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from keras_transfer.data.batches import ArrayBatches
from keras_transfer.data.photos.photo_batches import PhotoBatches
from keras_transfer.data.sampling import few_shot, train_validation_split
from keras_transfer.data.seeded_batches import SeededBatches
from keras_transfer.storage.printing import printable

PARTS = ("train", "validation", "test")
# Each split under all the names that people give it.
SPLIT_NAMES = {
    "train": "train",
    "validation": "validation",
    "val": "validation",
    "valid": "validation",
    "test": "test",
}


@dataclass(frozen=True)
class Dataset:
    """Data that are ready for `fit`, `evaluate` and `predict`.

    Attributes:
        train: batches of `(images, labels)`, uint8 images of shape
            `(batch, height, width, channels)`, or of `(texts, labels)`, in
            seeded order.
        validation: the same, never shuffled, or `None`.
        test: the same, never shuffled, or `None`.
        class_names: names by label, or `None` for regression.
        num_samples: `{"train": ..., "validation": ..., "test": ...}`.
        task: `"classification"`, `"multi_label"` or `"regression"`.
        target_names: names of the regression outputs, or `None`.
        skipped: `{path: reason}` of the files that are no photos.
    """

    train: SeededBatches
    validation: SeededBatches | None = None
    test: SeededBatches | None = None
    class_names: list[str] | None = None
    num_samples: dict[str, int] = field(default_factory=dict)
    task: str = "classification"
    target_names: list[str] | None = None
    skipped: dict[str, str] = field(default_factory=dict)

    def parts(self) -> dict:
        """The parts that there are, by name."""
        found = {name: getattr(self, name) for name in PARTS}
        return {k: part for k, part in found.items() if part is not None}

    def __repr__(self) -> str:
        counts = ", ".join(f"{n} {s}" for s, n in self.num_samples.items())
        names = self.class_names or self.target_names or []
        shown = ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")
        what = "classes" if self.class_names else "targets"
        return printable(
            f"<Dataset for {self.task}: {counts} samples, "
            f"{len(names)} {what}: {shown}>"
        )


@dataclass(frozen=True)
class LabelledInputs:
    """Samples of one split: photo files, or an array of images or texts."""

    inputs: list | np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, indices: np.ndarray) -> "LabelledInputs":
        if isinstance(self.inputs, np.ndarray):
            return LabelledInputs(self.inputs[indices], self.labels[indices])
        photos = [self.inputs[index] for index in indices]
        return LabelledInputs(photos, self.labels[indices])


@dataclass(frozen=True)
class Source:
    """What was found: samples by split name, and what the labels mean."""

    splits: dict[str, LabelledInputs]
    class_names: list[str] | None = None
    task: str = "classification"
    target_names: list[str] | None = None
    skipped: dict[str, str] = field(default_factory=dict)


def divide(
    source: Source,
    validation_split: float,
    test_split: float,
    shots: int | None,
    seed: int,
) -> dict:
    """Samples by split, with what the source lacks held out by the seed."""
    splits = dict(source.splits)
    if set(splits) == {"all"}:
        splits = _hold_out(splits.pop("all"), "test", test_split, seed)
    if "validation" not in splits:
        held = _hold_out(splits["train"], "validation", validation_split, seed)
        splits.update(held)
    if shots is not None:
        splits["train"] = _few_shot(splits["train"], shots, seed, source)
    return {name: splits[name] for name in PARTS if name in splits}


def to_dataset(
    source: Source,
    splits: dict[str, LabelledInputs],
    reading: dict[str, Any],
    **options: Any,
) -> Dataset:
    """Batches of every split; only those of `train` are shuffled.

    Args:
        source: the `Source`.
        splits: `LabelledInputs` by split, as `divide` returns them.
        reading: how `PhotoBatches` reads photos.
        **options: batch size and seed.
    """
    batches = {}
    for name, samples in splits.items():
        order = {"shuffle": name == "train", **options}
        batches[name] = _batches(samples, reading, order)
        batches[name].class_names = source.class_names
    about = {k: value for k, value in vars(source).items() if k != "splits"}
    counts = {name: len(part) for name, part in splits.items()}
    return Dataset(**batches, num_samples=counts, **about)


def _batches(
    samples: LabelledInputs, reading: dict[str, Any], order: dict[str, Any]
) -> SeededBatches:
    if isinstance(samples.inputs, np.ndarray):
        return ArrayBatches(samples.inputs, samples.labels, **order)
    return PhotoBatches(samples.inputs, samples.labels, **reading, **order)


def _hold_out(
    samples: LabelledInputs, name: str, fraction: float, seed: int
) -> dict[str, LabelledInputs]:
    stay, held = train_validation_split(samples.labels, fraction, seed)
    if len(held) == 0:
        return {"train": samples}
    return {"train": samples.take(stay), name: samples.take(held)}


def _few_shot(
    samples: LabelledInputs, shots: int, seed: int, source: Source
) -> LabelledInputs:
    if source.task == "regression":
        raise ValueError(
            "`shots_per_class` needs classes, and these data are for "
            f"regression on {source.target_names}. Leave it out."
        )
    indices = few_shot(samples.labels, shots, seed, source.class_names)
    return samples.take(indices)
