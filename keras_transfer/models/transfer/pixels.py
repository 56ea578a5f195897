"""Whether a model takes raw pixels in 0..255."""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras

from keras_transfer import graph

if TYPE_CHECKING:
    pass


class KnowsPixels:
    """Mixin of a functional model with `preprocessing` and `_source`."""

    # By input, whether the model scales pixels; read off its graph once.
    _scales_pixels: list[bool | None] | None = None
    # Whether the images looked at were pixels, `None` before any were.
    _saw_pixels: bool | None = None

    @property
    def _is_application(self) -> bool:
        """Whether the backbone is of `keras.applications`."""
        return self._source["min_size"] is not None

    @property
    def expects_pixels(self) -> bool:
        """Whether the input is known to be raw pixels in 0..255."""
        return True in self._pixels_by_graph()

    @property
    def _pixel_inputs(self) -> list[bool | None]:
        """For each input whether it is raw pixels in 0..255.

        Known by what scales it, else by the data that the model was given;
        `None` where neither says anything.
        """
        return [
            self._saw_pixels
            if known is None and len(tensor.shape) == 4
            else known
            for tensor, known in zip(
                self.inputs, self._pixels_by_graph(), strict=True
            )
        ]

    def _note_pixels(self, are_pixels: bool | None) -> None:
        """Keeps what the first images looked at were."""
        if self._saw_pixels is None:
            self._saw_pixels = are_pixels

    def _pixels_by_graph(self) -> list[bool | None]:
        if self._scales_pixels is None:
            # Past __setattr__, which would wrap the list.
            vars(self)["_scales_pixels"] = _scales_pixels(self)
        return self._scales_pixels


def _scales_pixels(model: KnowsPixels) -> list[bool | None]:
    found = graph.scales_pixels(model)
    # A model of keras.applications that is given no preprocessing gets what
    # somebody has scaled already.
    is_bare = model._is_application and isinstance(
        model.preprocessing, keras.layers.Identity
    )
    return [False if x is None and is_bare else x for x in found]
