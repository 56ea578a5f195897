"""Layers that surgery adds to a model: they compute nothing.

Most carry a Keras mask across a cut as an ordinary tensor. A mask
(`Embedding(mask_zero=True)`, `Masking`) hangs on a tensor as an attribute,
which is lost when the tensor leaves one model for another.
"""

from typing import Any

import keras

from keras_transfer._private.types import Tensor


@keras.saving.register_keras_serializable(package="keras_transfer")
class MaskOf(keras.layers.Layer):
    """Returns the mask of its input, `(batch, time)`, truth values."""

    def __init__(self, **kwargs: Any):
        super().__init__(autocast=False, **kwargs)
        self.supports_masking = True

    def call(self, inputs: Tensor, mask: Tensor | None = None) -> Tensor | None:
        return mask

    def compute_mask(
        self, inputs: Tensor, previous_mask: Tensor | None = None
    ) -> None:
        return None


@keras.saving.register_keras_serializable(package="keras_transfer")
class WithMask(keras.layers.Layer):
    """Returns its input unchanged, with `mask` as its mask."""

    def __init__(self, **kwargs: Any):
        super().__init__(autocast=False, **kwargs)
        self.supports_masking = True

    def call(self, inputs: Tensor, mask: Tensor) -> Tensor:
        return inputs


@keras.saving.register_keras_serializable(package="keras_transfer")
class PassThrough(keras.layers.Identity):
    """Stands between an input and an output that are the same tensor.

    Keras before 3.15 refuses a model without anything between the two.
    """


def is_added(operation: keras.Operation) -> bool:
    """Tells whether surgery has put this operation into a model."""
    added = (keras.layers.InputLayer, MaskOf, WithMask, PassThrough)
    return isinstance(operation, added)
