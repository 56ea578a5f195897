"""Heads: from the features of a backbone to class scores or numbers."""

from collections.abc import Sequence
from typing import Any

import keras

from keras_transfer.layers.base_head import Head, checked_choice, checked_count


@keras.saving.register_keras_serializable(package="keras_transfer")
class ClassificationHead(Head):
    """Class probabilities from the features of a backbone.

    Use it as the head of a `TransferModel`, or on any feature tensor. Image
    features `(batch, height, width, channels)` are pooled over space,
    sequences `(batch, time, features)` over the steps that their mask leaves
    in, and vectors `(batch, features)` are taken as they are. `softmax` is for
    one class out of several, `sigmoid` for labels that are true or false
    independently. Under mixed precision the last dense layer and the
    activation compute in float32.

    Args:
        num_classes: Number of classes, or of labels with `"sigmoid"`.
        hidden_units: Widths of dense ReLU layers before the last one.
        dropout: Share of the features that is dropped in training, in [0, 1).
        pooling: `"avg"` or `"max"`.
        activation: `"softmax"` or `"sigmoid"`.
        data_format: `"channels_last"` or `"channels_first"`; `None` means
            `keras.config.image_data_format()`. Images only.
        **kwargs: `name`, `dtype` and `trainable` of `keras.layers.Layer`.

    Returns:
        Tensor `(batch, num_classes)` of probabilities; `head.logits(features)`
        gives the values before the activation.

    Raises:
        ValueError: For an argument out of range, or one class with a softmax.

    Example:

    ```python
    head = ClassificationHead(5, hidden_units=(256,), dropout=0.2)
    probabilities = head(features)  # (8, 7, 7, 1280) -> (8, 5)
    ```
    """

    def __init__(
        self,
        num_classes: int,
        hidden_units: Sequence[int] = (),
        dropout: float = 0.0,
        pooling: str = "avg",
        activation: str = "softmax",
        data_format: str | None = None,
        **kwargs: Any,
    ):
        num_classes = checked_count("num_classes", num_classes)
        checked_choice("activation", activation, ("softmax", "sigmoid"))
        if num_classes == 1 and activation == "softmax":
            raise ValueError(
                "A softmax over one class is always 1.0 and learns nothing. "
                "Received: num_classes=1. For two classes use either "
                "ClassificationHead(2), with integer labels 0 and 1, or "
                'ClassificationHead(1, activation="sigmoid"), which gives the '
                "probability of label 1."
            )
        super().__init__(
            num_classes,
            activation,
            hidden_units,
            dropout,
            pooling,
            data_format,
            **kwargs,
        )

    @property
    def num_classes(self) -> int:
        """Number of classes (or labels) that the head tells apart."""
        return self.num_outputs

    def _scale_logits(self, factor: float) -> None:
        """Multiplies the logits by a number, for good.

        Args:
            factor: above 0. `1 / temperature` is temperature scaling (Guo et
                al. 2017, On Calibration of Modern Neural Networks): the
                probabilities change, their order in a softmax does not.

        Raises:
            ValueError: the factor is not above 0, or the head is quantized.
        """
        if self._output.quantization_mode:
            raise ValueError(
                f"The last layer of '{self.name}' is quantized "
                f"({self._output.quantization_mode}), and its whole numbers "
                "cannot be scaled. Scale the logits first, then quantize."
            )
        if not factor > 0:
            raise ValueError(
                "Logits can be scaled by a number above 0. Received: "
                f"factor={factor!r}."
            )
        self._output.set_weights(
            [array * factor for array in self._output.get_weights()]
        )

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "num_classes": self.num_classes,
            "activation": self.activation,
        }


@keras.saving.register_keras_serializable(package="keras_transfer")
class RegressionHead(Head):
    """Numbers without bounds from the features of a backbone.

    Use it where the target is a quantity. It pools like `ClassificationHead`
    and has no last activation, so `call` and `logits` give the same.

    Args:
        units: How many numbers to predict for one sample.
        hidden_units: Widths of dense ReLU layers before the last one.
        dropout: Share of the features that is dropped in training, in [0, 1).
        pooling: `"avg"` or `"max"`.
        data_format: `"channels_last"` or `"channels_first"`; `None` means
            `keras.config.image_data_format()`. Images only.
        **kwargs: `name`, `dtype` and `trainable` of `keras.layers.Layer`.

    Returns:
        Tensor `(batch, units)`.

    Raises:
        ValueError: For an argument out of range.

    Example:

    ```python
    age = RegressionHead(1, hidden_units=(64,))(features)
    ```
    """

    def __init__(
        self,
        units: int = 1,
        hidden_units: Sequence[int] = (),
        dropout: float = 0.0,
        pooling: str = "avg",
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(
            checked_count("units", units),
            "linear",
            hidden_units,
            dropout,
            pooling,
            data_format,
            **kwargs,
        )

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"units": self.num_outputs}
