"""The angle between two feature vectors."""

import keras
from keras import ops

from keras_transfer._private.types import Tensor
from keras_transfer.losses.base import FeatureLoss, as_positions, unit_length


@keras.saving.register_keras_serializable(package="keras_transfer")
class CosineFeatureLoss(FeatureLoss):
    """One minus the cosine at each position (`"cosine"`).

        d = mean_p (1 - <s_p, t_p> / (|s_p| |t_p|))

    over positions `p`, each a vector of channels. From 0 to 2; the length of
    the vectors does not matter.
    """

    def distance(self, source: Tensor, target: Tensor) -> Tensor:
        source, target = as_positions(source), as_positions(target)
        cosine = ops.sum(
            unit_length(source, -1) * unit_length(target, -1), axis=-1
        )
        return ops.mean(1.0 - cosine, axis=1)
