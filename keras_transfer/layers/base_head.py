"""What all heads have in common: pooling, hidden layers, a last dense layer."""

import operator
from collections.abc import Sequence
from typing import Any

import keras

from keras_transfer._private.types import Shape, Tensor
from keras_transfer.layers.changed_parts import KeepsChangedParts
from keras_transfer.layers.feature_pooling import pooled, pooled_shape


class Head(KeepsChangedParts, keras.layers.Layer):
    """Pooling, hidden layers, dropout and a last dense layer.

    The two public heads differ only in how many outputs they have and in the
    activation that follows them.
    """

    built: bool

    def __init__(
        self,
        num_outputs: int,
        activation: str,
        hidden_units: Sequence[int],
        dropout: float,
        pooling: str,
        data_format: str | None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.hidden_units = _checked_hidden_units(hidden_units)
        self.dropout = _checked_dropout(dropout)
        self.pooling = checked_choice("pooling", pooling, ("avg", "max"))
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
        """Number of values that the head gives for one sample."""
        return self._output.units

    def _changeable_parts(self) -> dict[str, keras.layers.Dense]:
        parts = [*self._hidden, self._output]
        return {part.name: part for part in parts}

    def build(self, input_shape: Shape) -> None:
        shape = pooled_shape(input_shape, self.data_format)
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

    def call(
        self,
        inputs: Tensor,
        mask: Tensor | None = None,
        training: bool | None = None,
    ) -> Tensor:
        return self._activation(self.logits(inputs, mask, training))

    def logits(
        self,
        inputs: Tensor,
        mask: Tensor | None = None,
        training: bool | None = None,
    ) -> Tensor:
        """Returns the values before the last activation.

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

    def compute_mask(
        self, inputs: Tensor, previous_mask: Tensor | None
    ) -> None:
        return None

    def compute_output_shape(
        self, input_shape: Shape
    ) -> tuple[int | None, ...]:
        return (input_shape[0], self.num_outputs)

    def compute_output_spec(
        self,
        inputs: keras.KerasTensor,
        mask: keras.KerasTensor | None = None,
        training: bool | None = None,
    ) -> keras.KerasTensor:
        # Keras would take the type of the layer for that of its last step.
        shape = self.compute_output_shape(inputs.shape)
        return keras.KerasTensor(shape, self._activation.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "hidden_units": list(self.hidden_units),
            "dropout": self.dropout,
            "pooling": self.pooling,
            "data_format": self.data_format,
        }

    def pool(self, inputs: Tensor, mask: Tensor | None = None) -> Tensor:
        """Returns the vector that the dense layers start from.

        Args:
            inputs: Features as in `logits`.
            mask: Boolean `(batch, time)`: which steps are real.

        Returns:
            Tensor `(batch, features)`.
        """
        return pooled(inputs, mask, self.pooling, self.data_format)


def _at_least_float32(policy: keras.DTypePolicy) -> keras.DTypePolicy:
    half = policy.compute_dtype in ("float16", "bfloat16")
    return keras.DTypePolicy("float32") if half else policy


def checked_count(name: str, value: int) -> int:
    """Returns an argument as an int; raises if it is not a positive one."""
    try:
        count = operator.index(value)
    except TypeError:
        count = 0
    if count < 1 or isinstance(value, bool):
        raise ValueError(
            f"`{name}` must be a positive integer. Received: {name}={value!r}."
        )
    return count


def _checked_hidden_units(hidden_units: Sequence[int]) -> tuple[int, ...]:
    if isinstance(hidden_units, str) or not isinstance(hidden_units, Sequence):
        raise ValueError(
            "`hidden_units` must be a sequence of layer widths, such as "
            f"(256,) or (). Received: hidden_units={hidden_units!r}."
        )
    return tuple(checked_count("hidden_units", n) for n in hidden_units)


def _checked_dropout(dropout: float) -> float:
    if not 0.0 <= dropout < 1.0:
        raise ValueError(
            "`dropout` is the share of features to drop and must lie in "
            f"[0, 1). Received: dropout={dropout!r}."
        )
    return float(dropout)


def checked_choice(name: str, value: str, choices: Sequence[str]) -> str:
    """Returns an argument; raises if it is not one of `choices`."""
    if value not in choices:
        raise ValueError(
            f"`{name}` must be one of {choices}. Received: {name}={value!r}."
        )
    return value
