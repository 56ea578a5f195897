"""`FeatureMatchingLoss`: a distance by name, on features of one scale."""

from typing import Any, Self

import keras
from keras import ops

from keras_transfer._private.types import Dtype, Tensor
from keras_transfer.losses.alignment import LinearCKALoss
from keras_transfer.losses.attention import AttentionTransferLoss
from keras_transfer.losses.base import (
    BatchCoupledLoss,
    FeatureLoss,
    one_weight,
)
from keras_transfer.losses.coral import CoralLoss
from keras_transfer.losses.cosine import CosineFeatureLoss
from keras_transfer.losses.decoupled import DecoupledLoss
from keras_transfer.losses.discrepancy import MaximumMeanDiscrepancyLoss
from keras_transfer.losses.gram import GramLoss
from keras_transfer.losses.hint import HintLoss
from keras_transfer.losses.relational import (
    RelationalAngleLoss,
    RelationalDistanceLoss,
)
from keras_transfer.losses.selectivity import NeuronSelectivityLoss
from keras_transfer.losses.similarity import SimilarityPreservingLoss
from keras_transfer.losses.soft_targets import SoftTargetLoss

DISTANCES = {
    "mse": HintLoss,
    "cosine": CosineFeatureLoss,
    "attention": AttentionTransferLoss,
    "gram": GramLoss,
    "nst": NeuronSelectivityLoss,
    "kl": SoftTargetLoss,
    "dkd": DecoupledLoss,
    "similarity": SimilarityPreservingLoss,
    "rkd_distance": RelationalDistanceLoss,
    "rkd_angle": RelationalAngleLoss,
    "cka": LinearCKALoss,
    "mmd": MaximumMeanDiscrepancyLoss,
    "coral": CoralLoss,
}


@keras.saving.register_keras_serializable(package="keras_transfer")
class FeatureMatchingLoss(keras.losses.Loss):
    """How far the target's features are from the source's.

    With `normalize`, each sample's features are brought to mean 0 and
    variance 1 over all of its positions and channels, on both sides:

        x -> (x - mean(x)) / sqrt(var(x) + 1e-6)

    So one weight suits every pair of layers, whatever the size of the
    activations there. A `FeatureMatcher` first brings each channel of the
    source to mean 0 and variance 1 over all data, for distances that need
    equal shapes. Logits (`"kl"`, `"dkd"`) are taken as they are.

    Args:
        distance: `"mse"`, `"cosine"`, `"attention"`, `"gram"`, `"nst"`; on
            logits `"kl"`, `"dkd"`; of whole batches `"similarity"`,
            `"rkd_distance"`, `"rkd_angle"`, `"cka"`, `"mmd"`, `"coral"`; or a
            `FeatureLoss`.
        normalize: whether features are brought to one scale first.
        reduction: as in `keras.losses.Loss`; of no effect on distances of
            whole batches.
        name: name of the loss.
        dtype: as in `keras.losses.Loss`.

    Raises:
        ValueError: a distance that does not exist; on a call, shapes that do
            not fit it.

    Example:

    ```python
    loss = FeatureMatchingLoss("attention")
    loss(source_features, target_features)
    ```
    """

    def __init__(
        self,
        distance: str | FeatureLoss = "mse",
        normalize: bool = True,
        reduction: str | None = "sum_over_batch_size",
        name: str = "feature_matching",
        dtype: Dtype | None = None,
    ):
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.distance = as_distance(distance)
        self.normalize = bool(normalize)

    def __repr__(self) -> str:
        scale = "normalized" if self.normalize else "as they are"
        return f"<FeatureMatchingLoss: {self.distance.name}, {scale}>"

    @property
    def agree(self) -> str:
        """What the shapes must have in common, as in `FeatureLoss`."""
        return self.distance.agree

    @property
    def on_logits(self) -> bool:
        """Whether it compares logits, not features."""
        return not self.distance._takes_any_scale

    @property
    def _couples_samples(self) -> bool:
        """Whether it is one number for a whole batch."""
        return isinstance(self.distance, BatchCoupledLoss)

    def __call__(
        self,
        y_true: Tensor,
        y_pred: Tensor,
        sample_weight: Tensor | None = None,
    ) -> Tensor:
        if not self._couples_samples:
            return super().__call__(y_true, y_pred, sample_weight)
        weight = one_weight(self.distance, sample_weight)
        return super().__call__(y_true, y_pred) * weight

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        if self.normalize and not self.on_logits:
            y_true, y_pred = one_scale(y_true), one_scale(y_pred)
        return self.distance.call(y_true, y_pred)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "distance": keras.saving.serialize_keras_object(self.distance),
            "normalize": self.normalize,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        distance = keras.saving.deserialize_keras_object(config["distance"])
        return cls(**{**config, "distance": distance})


def as_distance(distance: str | FeatureLoss) -> FeatureLoss:
    """Returns the `FeatureLoss` that a name stands for.

    Raises:
        ValueError: there is none of that name.
    """
    if isinstance(distance, FeatureLoss):
        return distance
    if isinstance(distance, str) and distance in DISTANCES:
        return DISTANCES[distance]()
    raise ValueError(
        f"There is no distance {distance!r}. Expected one of "
        f"{', '.join(map(repr, DISTANCES))}, or an instance such as "
        "SoftTargetLoss(temperature=2.0)."
    )


def one_scale(x: Tensor) -> Tensor:
    """Returns features of mean 0 and variance 1 within each sample."""
    axes = tuple(range(1, len(x.shape)))
    mean = ops.mean(x, axis=axes, keepdims=True)
    variance = ops.mean(ops.square(x - mean), axis=axes, keepdims=True)
    return (x - mean) / ops.sqrt(variance + 1e-6)
