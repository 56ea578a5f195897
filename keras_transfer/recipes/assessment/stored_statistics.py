"""The target against what a source's batch norm remembers of its training."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import keras
import numpy as np

from keras_transfer.recipes.assessment.subsets import some_samples
from keras_transfer.training.batch_norm import StatisticsPass, training_norms
from keras_transfer.training.freezing import set_trainable_depth

if TYPE_CHECKING:
    from keras_transfer.data.seeded_batches import SeededBatches
    from keras_transfer.models.transfer.transfer_model import TransferModel

# A few hundred samples are enough for means and variances of channels.
_MOST, _BATCH = 256, 32
# With MobileNetV2 of ImageNet the training photos of flowers5 and PACS are at
# .015 to .017, those of trashnet6 and cifar10_6k at .03, sketches at .13
# (benchmarks/assessment_of_folders.py).
_NEAR, _APART = 0.02, 0.06


@dataclasses.dataclass(frozen=True)
class StatisticsDistance:
    """How far the target is from the source's training data, by batch norm.

    Attributes:
        distance: in each layer the squared distance of the means and of the
            standard deviations, summed over channels, in shares of the summed
            stored variances; then the mean over the layers.
        layers: how many layers.
        num_samples: samples of the target that were seen.
    """

    distance: float
    layers: int
    num_samples: int

    @property
    def reading(self) -> str:
        """The distance in words."""
        if self.distance < _NEAR:
            return "hardly differ"
        return "differ" if self.distance < _APART else "differ strongly"


def distance_to_stored(
    model: TransferModel, batches: SeededBatches, *, seed: int = 0
) -> StatisticsDistance | None:
    """Compares a target with the moving statistics of its source.

    No sample of the source is needed: what goes into a batch-norm layer had a
    mean and a variance in the source's training, which the layer keeps. Of
    Gaussian channels this is the squared Fréchet distance.

    Args:
        model: a pre-trained `TransferModel`; it stays as it is.
        batches: `SeededBatches` of the target.
        seed: seed of the samples that are looked at.

    Returns:
        A `StatisticsDistance`, or `None` without batch norm.
    """
    copy = model.clone()
    set_trainable_depth(copy, len(copy.blocks), train_batch_norm=True)
    norms = training_norms(copy)
    if not norms:
        return None
    before = [_means_and_deviations(layer) for layer in norms]
    rows = some_samples(batches.num_samples, _MOST, seed)
    StatisticsPass(copy).run(
        batches.read(rows[start : start + _BATCH])
        for start in range(0, len(rows), _BATCH)
    )
    pairs = zip(before, map(_means_and_deviations, norms), strict=True)
    distances = [_distance(*pair) for pair in pairs]
    return StatisticsDistance(float(np.mean(distances)), len(norms), len(rows))


def _means_and_deviations(
    layer: keras.layers.BatchNormalization,
) -> tuple[np.ndarray, np.ndarray]:
    mean, variance = (
        keras.ops.convert_to_numpy(each).astype("float64")
        for each in (layer.moving_mean, layer.moving_variance)
    )
    return mean, np.sqrt(variance)


def _distance(
    stored: tuple[np.ndarray, np.ndarray], found: tuple[np.ndarray, np.ndarray]
) -> float:
    squared = sum(
        np.square(a - b).sum() for a, b in zip(stored, found, strict=True)
    )
    return squared / max(np.square(stored[1]).sum(), 1e-12)
