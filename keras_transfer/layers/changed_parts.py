"""Layers made of dense layers: what was done to these is part of the file."""

import keras

# What `quantize` and `enable_lora` leave behind beside the dtype policy.
_CHANGED = ("quantization_config", "lora_rank", "lora_alpha")


class KeepsChangedParts:
    """Mixin of a layer that makes dense layers: keeps what these became.

    Quantized to whole numbers, or with LoRA enabled, a dense layer has other
    variables than the one that the layer's arguments call for. Its config
    goes with the shape that the layer is built for, as both are needed before
    there are variables.
    """

    def changeable_parts(self):
        """Returns the dense layers by name of what holds them."""
        raise NotImplementedError

    def put_part(self, name, part):
        """Makes the dense layer of that name, not built yet, like `part`."""
        own = self.changeable_parts()[name]
        own.dtype_policy = part.dtype_policy
        for attribute in _CHANGED:
            # Not every version of Keras has all of them.
            if hasattr(part, attribute):
                setattr(own, attribute, getattr(part, attribute))

    def get_build_config(self):
        config = super().get_build_config()
        changed = {
            name: part.get_config()
            for name, part in self.changeable_parts().items()
            if part.quantization_mode or part.lora_rank
        }
        return config | {"parts": changed} if config and changed else config

    def build_from_config(self, config):
        for name, part in config.get("parts", {}).items():
            self.put_part(name, keras.layers.Dense.from_config(part))
        super().build_from_config(config)
