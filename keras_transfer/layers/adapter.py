"""`FeatureAdapter`: from one shape of features to another."""

import math
from typing import Any

import keras
from keras import ops

from keras_transfer._private.types import Shape, Tensor
from keras_transfer.layers.changed_parts import KeepsChangedParts


@keras.saving.register_keras_serializable(package="keras_transfer")
class FeatureAdapter(KeepsChangedParts, keras.layers.Layer):
    """Brings features to the positions and channels of other features.

    Channels by one linear map at each position (a 1x1 convolution, or a dense
    layer of vectors), positions by averaging where their number is a multiple
    of the wanted one, else by linear interpolation. Where nothing has to
    change nothing is done, so an adapter may have no weights. Whatever makes
    the numbers fewer is done first.

    Use it between target features and a loss that compares them to the
    source's. Channels are last: `(batch, height, width, channels)`,
    `(batch, time, features)` or `(batch, features)`.

    Args:
        shape: the wanted shape of one sample. `None` leaves an axis alone.
            With the shape of a vector, positions are averaged.
        always: whether there is a linear map even if the number of channels
            is the same already. The features then need to agree only up to
            that map.
        **kwargs: `name` and `dtype` of `keras.layers.Layer`.

    Raises:
        ValueError: a shape that cannot be reached, such as that of a map from
            vectors.

    Example:

    ```python
    adapter = FeatureAdapter((7, 7, 512))
    adapter(maps)           # from (batch, 14, 14, 96)
    ```

    Reference:
        Romero et al. 2015, FitNets: Hints for Thin Deep Nets (the regressor).
    """

    def __init__(self, shape: Shape, always: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        self.shape = tuple(None if n is None else int(n) for n in shape)
        self.always = always
        self.supports_masking = True
        self.projection: keras.layers.Dense | None = None

    def _changeable_parts(self) -> dict[str, keras.layers.Dense]:
        found = self.projection
        return {} if found is None else {found.name: found}

    def _put_part(self, name: str, part: keras.layers.Dense) -> None:
        self.projection = part

    def build(self, input_shape: Shape) -> None:
        self._check(input_shape)
        channels = self.shape[-1]
        keeps = channels == input_shape[-1]
        projects = channels is not None and (self.always or not keeps)
        if projects and self.projection is None:
            self.projection = keras.layers.Dense(
                channels,
                kernel_initializer="identity" if keeps else "glorot_uniform",
                name="projection",
                dtype=self.dtype_policy,
            )
        if projects and self.projection is not None:
            self.projection.build(input_shape)
        super().build(input_shape)

    def call(self, inputs: Tensor) -> Tensor:
        given = tuple(inputs.shape[1:-1])
        wanted = self._positions(given)
        grows = _count(wanted) > _count(given)
        if self.projection is not None and grows:
            return self._moved(self.projection(inputs), given, wanted)
        moved = self._moved(inputs, given, wanted)
        return moved if self.projection is None else self.projection(moved)

    def compute_output_shape(
        self, input_shape: Shape
    ) -> tuple[int | None, ...]:
        positions = self._positions(tuple(input_shape[1:-1]))
        channels = self.shape[-1]
        if channels is None:
            channels = input_shape[-1]
        return (input_shape[0], *positions, channels)

    def compute_mask(
        self, inputs: Tensor, previous_mask: Tensor | None = None
    ) -> None:
        return None

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "shape": list(self.shape),
            "always": self.always,
        }

    def _positions(
        self, given: tuple[int | None, ...]
    ) -> tuple[int | None, ...]:
        wanted = self.shape[:-1]
        if not wanted:
            return ()
        return tuple(
            have if want is None else want
            for have, want in zip(given, wanted, strict=True)
        )

    def _moved(
        self,
        x: Tensor,
        given: tuple,
        wanted: tuple,
    ) -> Tensor:
        if given == wanted:
            return x
        if not wanted:
            return ops.mean(x, axis=tuple(range(1, len(given) + 1)))
        if len(given) == 1:
            # A sequence is a picture of one row.
            x = self._moved(x[:, None], (1, *given), (1, *wanted))
            return ops.squeeze(x, axis=1)
        sizes = list(zip(given, wanted, strict=True))
        if all(have % want == 0 for have, want in sizes):
            factors = tuple(have // want for have, want in sizes)
            return ops.average_pool(
                x, factors, factors, data_format="channels_last"
            )
        return ops.image.resize(
            x, wanted, antialias=True, data_format="channels_last"
        )

    def _check(self, input_shape: Shape) -> None:
        given, wanted = tuple(input_shape[1:]), self.shape
        same_rank = len(wanted) == len(given)
        moves = same_rank and any(
            want is not None and have is None
            for have, want in zip(given[:-1], wanted[:-1], strict=True)
        )
        if not (same_rank or len(wanted) == 1) or moves or not given:
            raise ValueError(
                f"The FeatureAdapter '{self.name}' is to give features of "
                f"shape {wanted} (without the batch). Received: features of "
                f"shape {given}. Expected as many axes, of known size where "
                "the positions have to change. Pair layers of one kind, or "
                "give the model a fixed input shape."
            )
        if given[-1] is None:
            raise ValueError(
                f"The FeatureAdapter '{self.name}' needs to know the number "
                f"of channels. Received: features of shape {given}."
            )


def _count(positions: Shape) -> int:
    return math.prod(number or 1 for number in positions)
