"""Heads: from the features of a backbone to class scores or numbers."""

import operator
from collections.abc import Sequence

import keras

from keras_transfer.layers.feature_pooling import channel_axis, pooled

_POOLINGS = ("avg", "max")
_CLASS_ACTIVATIONS = ("softmax", "sigmoid")


class _Head(keras.layers.Layer):
    """Pooling, hidden layers, dropout and a last dense layer.

    The two public heads differ only in how many outputs they have and in the
    activation that follows them.
    """

    def __init__(
        self,
        num_outputs,
        activation,
        hidden_units,
        dropout,
        pooling,
        data_format,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.hidden_units = _checked_hidden_units(hidden_units)
        self.dropout = _checked_dropout(dropout)
        self.pooling = _checked_choice("pooling", pooling, _POOLINGS)
        self.data_format = data_format or keras.config.image_data_format()
        self.activation = activation
        self.supports_masking = True
        self._hidden = [
            keras.layers.Dense(
                units,
                activation="relu",
                dtype=self.dtype_policy,
                name=f"hidden_{index}",
            )
            for index, units in enumerate(self.hidden_units)
        ]
        self._dropout = keras.layers.Dropout(
            self.dropout, dtype=self.dtype_policy, name="dropout"
        )
        # Scores and probabilities in half precision cost accuracy and save
        # nothing, so the last two steps stay in float32.
        policy = _at_least_float32(self.dtype_policy)
        self._output = keras.layers.Dense(
            num_outputs, dtype=policy, name="output"
        )
        self._activation = keras.layers.Activation(
            activation, dtype=policy, name="activation"
        )

    @property
    def num_outputs(self) -> int:
        """How many numbers the head gives for one sample."""
        return self._output.units

    def build(self, input_shape):
        shape = self._pooled_shape(input_shape)
        if shape[-1] is None:
            raise ValueError(
                f"{type(self).__name__} needs a known number of features. "
                f"Received features of shape {tuple(input_shape)}. Give the "
                "backbone a static number of channels."
            )
        for hidden in self._hidden:
            hidden.build(shape)
            shape = hidden.compute_output_shape(shape)
        self._output.build(shape)

    def call(self, inputs, mask=None, training=None):
        return self._activation(self.logits(inputs, mask, training))

    def logits(self, inputs, mask=None, training=None):
        """The values before the last activation.

        Use it where softmax or sigmoid is in the way: distillation,
        temperature scaling, losses with `from_logits=True`.

        Args:
            inputs: Features `(batch, height, width, channels)`,
                `(batch, time, features)` or `(batch, features)`.
            mask: Boolean `(batch, time)`: which steps are real.
            training: Whether dropout is active.

        Returns:
            Tensor `(batch, num_outputs)`.
        """
        if not self.built:
            self.build(inputs.shape)
            self.built = True
        x = self.pool(inputs, mask)
        for hidden in self._hidden:
            x = hidden(x)
        return self._output(self._dropout(x, training=training))

    def compute_mask(self, inputs, previous_mask):
        return None

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.num_outputs)

    def get_config(self):
        return super().get_config() | {
            "hidden_units": list(self.hidden_units),
            "dropout": self.dropout,
            "pooling": self.pooling,
            "data_format": self.data_format,
        }

    def _pooled_shape(self, input_shape):
        axis = channel_axis(len(input_shape), self.data_format)
        return (input_shape[0], input_shape[axis])

    def pool(self, inputs, mask=None):
        """The vector that the dense layers start from.

        Args:
            inputs: Features as in `logits`.
            mask: Boolean `(batch, time)`: which steps are real.

        Returns:
            Tensor `(batch, features)`.
        """
        return pooled(inputs, mask, self.pooling, self.data_format)


@keras.saving.register_keras_serializable(package="keras_transfer")
class ClassificationHead(_Head):
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
        num_classes,
        hidden_units=(),
        dropout=0.0,
        pooling="avg",
        activation="softmax",
        data_format=None,
        **kwargs,
    ):
        num_classes = _checked_count("num_classes", num_classes)
        _checked_choice("activation", activation, _CLASS_ACTIVATIONS)
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
        """How many classes (or labels) the head tells apart."""
        return self.num_outputs

    def scale_logits(self, factor):
        """Multiplies the logits by a number, for good.

        Args:
            factor: above 0. `1 / temperature` is temperature scaling (Guo et
                al. 2017, On Calibration of Modern Neural Networks): the
                probabilities change, their order in a softmax does not.

        Raises:
            ValueError: the factor is not above 0.
        """
        if not factor > 0:
            raise ValueError(
                "Logits can be scaled by a number above 0. Received: "
                f"factor={factor!r}."
            )
        self._output.set_weights(
            [array * factor for array in self._output.get_weights()]
        )

    def get_config(self):
        return super().get_config() | {
            "num_classes": self.num_classes,
            "activation": self.activation,
        }


@keras.saving.register_keras_serializable(package="keras_transfer")
class RegressionHead(_Head):
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
        units=1,
        hidden_units=(),
        dropout=0.0,
        pooling="avg",
        data_format=None,
        **kwargs,
    ):
        super().__init__(
            _checked_count("units", units),
            "linear",
            hidden_units,
            dropout,
            pooling,
            data_format,
            **kwargs,
        )

    def get_config(self):
        return super().get_config() | {"units": self.num_outputs}


def _at_least_float32(policy):
    half = policy.compute_dtype in ("float16", "bfloat16")
    return keras.DTypePolicy("float32") if half else policy


def _checked_count(name, value):
    try:
        count = operator.index(value)
    except TypeError:
        count = 0
    if count < 1 or isinstance(value, bool):
        raise ValueError(
            f"`{name}` must be a positive integer. Received: {name}={value!r}."
        )
    return count


def _checked_hidden_units(hidden_units):
    if isinstance(hidden_units, str) or not isinstance(hidden_units, Sequence):
        raise ValueError(
            "`hidden_units` must be a sequence of layer widths, such as "
            f"(256,) or (). Received: hidden_units={hidden_units!r}."
        )
    return tuple(_checked_count("hidden_units", n) for n in hidden_units)


def _checked_dropout(dropout):
    if not 0.0 <= dropout < 1.0:
        raise ValueError(
            "`dropout` is the share of features to drop and must lie in "
            f"[0, 1). Received: dropout={dropout!r}."
        )
    return float(dropout)


def _checked_choice(name, value, choices):
    if value not in choices:
        raise ValueError(
            f"`{name}` must be one of {choices}. Received: {name}={value!r}."
        )
    return value
