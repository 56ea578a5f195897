"""Layers made of dense layers: what was done to these is part of the file."""

from typing import Any

import keras

# What `quantize` and `enable_lora` leave behind beside the dtype policy.
_CHANGED = ("quantization_config", "lora_rank", "lora_alpha")


class KeepsChangedParts:
    """Mixin of a layer that makes dense layers: keeps what these became.

    A dense layer that was quantized, or has LoRA enabled, has other variables
    than the arguments of the layer around it call for. So its config is saved
    with the shape that this layer is built for.
    """

    def _changeable_parts(self) -> dict[str, keras.layers.Dense]:
        """Returns the dense layers by name."""
        raise NotImplementedError

    def _put_part(self, name: str, part: keras.layers.Dense) -> None:
        """Makes the dense layer of that name, not built yet, like `part`."""
        own = self._changeable_parts()[name]
        own.dtype_policy = part.dtype_policy
        for attribute in _CHANGED:
            # Not every version of Keras has all of them.
            if hasattr(part, attribute):
                setattr(own, attribute, getattr(part, attribute))

    def get_build_config(self) -> dict[str, Any] | None:
        config = super().get_build_config()  # type: ignore[misc]
        changed = {
            name: part.get_config()
            for name, part in self._changeable_parts().items()
            if part.quantization_mode or part.lora_rank
        }
        return config | {"parts": changed} if config and changed else config

    def build_from_config(self, config: dict[str, Any]) -> None:
        for name, part in config.get("parts", {}).items():
            self._put_part(name, keras.layers.Dense.from_config(part))
        super().build_from_config(config)  # type: ignore[misc]
