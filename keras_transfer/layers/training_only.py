"""`TrainingOnly`: a layer that is skipped outside training."""

from typing import Any

import keras

from keras_transfer._private.types import Nested, Shape


@keras.saving.register_keras_serializable(package="keras_transfer")
class TrainingOnly(keras.layers.Wrapper):
    """Applies another layer in training and lets the input through otherwise.

    Keras' own random layers already do so; this makes it certain for any
    layer that is used as augmentation, one without a `training` argument too.
    The output has the type of the input.

    Args:
        layer: the layer to apply; its output has the shape of its input.
        **kwargs: `name`, `dtype` and `trainable` of `keras.layers.Layer`.

    Returns:
        Tensor of the same shape as the input.

    Example:

    ```python
    augmentation = TrainingOnly(keras.layers.RandomFlip("horizontal"))
    ```
    """

    def __init__(self, layer: keras.layers.Layer, **kwargs: Any):
        if not isinstance(layer, keras.layers.Layer):
            raise ValueError(
                "An augmentation is a Keras layer. Received: "
                f"{layer!r} (of type {type(layer).__name__}). Several layers "
                "go into one keras.Sequential([...])."
            )
        super().__init__(layer, **kwargs)
        self.supports_masking = True

    def call(self, inputs: Nested, training: bool | None = None) -> Nested:
        if not training:
            return inputs
        # Keras hands `training` down to a layer that asks for it.
        return keras.tree.map_structure(
            lambda new, old: keras.ops.cast(new, old.dtype),
            self.layer(inputs),
            inputs,
        )

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def compute_output_spec(
        self, inputs: Nested, training: bool | None = None
    ) -> Nested:
        return keras.tree.map_structure(
            lambda x: keras.KerasTensor(x.shape, x.dtype), inputs
        )
