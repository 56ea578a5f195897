"""The features of a matcher's pairs, of each model in one pass."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import keras
from keras import ops

from keras_transfer._private.types import Nested, Tensor
from keras_transfer.backbones.channels import channel_axis
from keras_transfer.models.construction import inputs_like
from keras_transfer.models.matching import source_scale, taps

if TYPE_CHECKING:
    from keras_transfer.models.matching.pairs import Pair


class PairedFeatures:
    """Source and target with their features, each in one pass.

    Args:
        target: the target model.
        source: the source model.
        pairs: list of `Pair`.
    """

    def __init__(
        self, source: keras.Model, target: keras.Model, pairs: Sequence[Pair]
    ):
        self.pairs = pairs
        augmentation = getattr(target, "augmentation", None)
        self.augments = augmentation is not None
        self.target = taps.tapped(
            target,
            [pair.target for pair in pairs],
            also=[augmentation.name] if self.augments else (),
        )
        self.source = on_input_of(
            target, taps.tapped(source, [pair.source for pair in pairs])
        )
        # Padded steps are zero, and stay so.
        self.are_padded = [
            taps.is_masked(source, pair.source) and not pair.source.is_pooled
            for pair in pairs
        ]

    def run(
        self, inputs: Nested, given: Nested, training: bool | None
    ) -> tuple[Tensor, list[Tensor], list[Tensor]]:
        """Returns `(output, source features, target features)`.

        Args:
            inputs: what the target takes.
            given: the source's features, `None` to compute them.
            training: whether the target is in training.
        """
        output, *features = self.target(inputs, training=training)
        if self.augments:
            inputs, *features = features
        if given is None:
            given = self.source(inputs, training=False)
        return output, self._at_scale(given), features

    def run_once(
        self, inputs: Nested
    ) -> tuple[Tensor, list[Tensor], list[Tensor]]:
        """The same in inference mode, outside of a training step."""
        output, *features = taps.in_inference(self.target, inputs)
        if self.augments:
            inputs, *features = features
        given = taps.in_inference(self.source, inputs)
        return output, self._at_scale(given), features

    def _at_scale(self, given: Nested) -> list[Tensor]:
        return [
            _like(x, _scaled(x, pair)) if padded else _scaled(x, pair)
            for x, pair, padded in self._each(taps.listed(given))
        ]

    @property
    def scales(self) -> list[keras.layers.Layer | None]:
        """What brings the features of each pair to one scale, or `None`."""
        return [pair.scale for pair in self.pairs]

    @property
    def is_scaled(self) -> bool:
        """Whether the source's features are at the scale of the data."""
        return source_scale.are_measured(self.scales)

    def scale_by(self, batches: Iterable) -> None:
        """Brings the source's features to one scale, by batches of inputs."""
        source_scale.measure(self.source, self.scales, batches)

    def adapted(
        self, features: list[Tensor], source: list[Tensor]
    ) -> list[Tensor]:
        """The target's features, as the losses want them.

        Args:
            features: the target's.
            source: the source's.
        """
        adapted = []
        for (x, pair, padded), like in zip(
            self._each(features), source, strict=True
        ):
            x = _adapted(x, pair)
            by_position = pair.loss.agree in ("shape", "space")
            adapted.append(_like(like, x) if padded and by_position else x)
        return adapted

    def _each(
        self, features: list[Tensor]
    ) -> Iterator[tuple[Tensor, Pair, bool]]:
        return zip(features, self.pairs, self.are_padded, strict=True)


def _adapted(x: Tensor, pair: Pair) -> Tensor:
    wanted = pair.source.shape
    if len(x.shape) == 1 + len(wanted) and x.shape[-1] == wanted[-1]:
        # The map begins as the identity: a copy of the source would agree.
        x = _scaled(x, pair)
    return x if pair.adapter is None else pair.adapter(x)


def _scaled(x: Tensor, pair: Pair) -> Tensor:
    return x if pair.scale is None else pair.scale(x, training=False)


def _like(padded: Tensor, x: Tensor) -> Tensor:
    """Sets to zero what is zero in all channels of `padded`."""
    kept = ops.any(ops.not_equal(padded, 0), axis=-1, keepdims=True)
    return ops.where(kept, x, ops.zeros_like(x))


def on_input_of(target: keras.Model, source: keras.Model) -> keras.Model:
    """The source's features from what the target takes, without its output."""
    inputs = inputs_like(target)
    wanted = keras.tree.flatten(source.input)
    resized = [
        _at_size(x, like)
        for x, like in zip(keras.tree.flatten(inputs), wanted, strict=True)
    ]
    x = keras.tree.pack_sequence_as(source.input, resized)
    return keras.Model(inputs, source(x)[1:])


def _at_size(x: Tensor, like: Tensor) -> Tensor:
    if len(x.shape) != 4:
        return x
    axis = channel_axis(tuple(like.shape[1:])) + 1
    sizes = [n for i, n in enumerate(like.shape) if i not in (0, axis)]
    have = [n for i, n in enumerate(x.shape) if i not in (0, axis)]
    if None in sizes or sizes == have:
        return x
    first = "channels_first" if axis == 1 else "channels_last"
    return ops.image.resize(x, sizes, antialias=True, data_format=first)
