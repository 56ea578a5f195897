"""`HeadPart`: a step of a head as a layer of its own."""

from typing import Any, Self

import keras

from keras_transfer._private.types import Shape, Tensor


@keras.saving.register_keras_serializable(package="keras_transfer")
class HeadPart(keras.layers.Layer):
    """What a head computes on the way: its pooled vector or its logits.

    As a layer, and not a plain call of the method, because Keras hands the
    mask of a sequence to layers only. The weights are the head's own.

    Args:
        head: a `ClassificationHead`, a `RegressionHead`, or a layer with a
            method of that name and signature.
        part: `"pool"` or `"logits"`.
        **kwargs: `name`, `dtype` and `trainable` of `keras.layers.Layer`.

    Example:

    ```python
    logits = HeadPart(model.head, "logits")(features)
    ```
    """

    def __init__(self, head: keras.layers.Layer, part: str, **kwargs: Any):
        super().__init__(**kwargs)
        self.head = head
        self.part = part
        self.supports_masking = True

    def build(self, input_shape: Shape) -> None:
        if not self.head.built:
            self.head.build(input_shape)

    def call(
        self,
        inputs: Tensor,
        mask: Tensor | None = None,
        training: bool | None = None,
    ) -> Tensor:
        if self.part == "pool":
            return self.head.pool(inputs, mask)
        return self.head.logits(inputs, mask, training)

    def compute_mask(
        self, inputs: Tensor, previous_mask: Tensor | None
    ) -> None:
        return None

    def get_config(self) -> dict[str, Any]:
        head = keras.saving.serialize_keras_object(self.head)
        return super().get_config() | {"head": head, "part": self.part}

    @classmethod
    def from_config(
        cls,
        config: dict[str, Any],
        custom_objects: dict[str, Any] | None = None,
    ) -> Self:
        head = keras.saving.deserialize_keras_object(
            config.pop("head"), custom_objects=custom_objects
        )
        return cls(head, **config)
