"""A model whose batches may hold samples mixed in pairs."""

from typing import Any

import keras
from keras import ops

from keras_transfer import _private
from keras_transfer._private.types import Nested, Tensor
from keras_transfer.data.mixing import is_mixed


class LearnsFromMixed:
    """Part of models that `fit(..., mixing=...)` is for.

    A mixin before `keras.Model`. The loss of a mixed sample is that to its
    label and that to its partner's, weighted by their shares:

        L = s w_a l(y_a, p) + (1 - s) w_b l(y_b, p)

    For cross-entropies this is the loss to the mixed label s y_a + (1 - s) y_b,
    as `l` is linear in the label, and it needs no one-hot labels. Metrics go
    by the label of the larger share.
    """

    def compute_loss(
        self,
        x: Nested = None,
        y: Nested = None,
        y_pred: Nested = None,
        sample_weight: Nested = None,
        training: bool = True,
    ) -> Tensor:
        if not is_mixed(y):
            return super().compute_loss(x, y, y_pred, sample_weight, training)
        share = y["mixing_share"]
        loss = super().compute_loss(
            x, y["labels"], y_pred, share * y["weights"], training
        )
        partner = _private.compiled_loss(self)
        if partner is None:
            return loss
        # Without what is added to the loss of the model, such as L2-SP.
        weights = (1 - share) * y["partner_weights"]
        return loss + partner(y["partner_labels"], y_pred, weights)

    def compute_metrics(
        self,
        x: Nested,
        y: Nested,
        y_pred: Nested,
        sample_weight: Nested = None,
    ) -> dict[str, Any]:
        if is_mixed(y):
            sample_weight = _of_larger_share(y, "weights", "partner_weights")
            y = _of_larger_share(y, "labels", "partner_labels")
        return super().compute_metrics(x, y, y_pred, sample_weight)


def _of_larger_share(y: dict[str, Tensor], own: str, partner: str) -> Tensor:
    is_own = y["mixing_share"] >= 0.5
    ones = [1] * (len(y[own].shape) - 1)
    return ops.where(ops.reshape(is_own, (-1, *ones)), y[own], y[partner])


def check_mixes(model: keras.Model, method: str, cached: bool) -> None:
    """Raises if a model cannot be trained on mixed samples.

    Args:
        model: the model.
        method: `"mixup"` or `"cutmix"`.
        cached: whether `fit` is to use a feature cache.

    Raises:
        ValueError: a cache, several outputs, a loss that divides by weights,
            or inputs that are no floats.
    """
    what = f"`mixing='{method}'`"
    if cached:
        raise ValueError(
            f"{what} mixes inputs anew in each epoch, and a feature cache "
            "keeps what the frozen layers make of them. Received: both. Drop "
            "one of feature_cache= and mixing=."
        )
    if len(model.outputs) > 1:
        raise ValueError(
            f"{what} is for a model with one output. Received: "
            f"'{model.name}' with {len(model.outputs)} outputs."
        )
    each = map(_reduction, keras.tree.flatten(getattr(model, "loss", None)))
    if "mean_with_sample_weight" in each:
        raise ValueError(
            f"{what} weighs the loss to both labels of a sample. Received: a "
            "loss with reduction='mean_with_sample_weight', which divides by "
            "these weights. Use the default, 'sum_over_batch_size'."
        )
    types = [keras.backend.standardize_dtype(i.dtype) for i in model.inputs]
    if not all(map(keras.backend.is_float_dtype, types)):
        raise ValueError(
            f"{what} takes weighted means of inputs, which token ids, "
            "categories and texts have none of. Received: inputs of type "
            f"{', '.join(types)}. Expected images or floats; leave `mixing` "
            "out."
        )


def _reduction(loss: object) -> str | None:
    return getattr(loss, "reduction", None)
