"""Private names of saving: what each layer stores of itself."""

import tempfile

import keras
import numpy as np


def copy_state(source: keras.Model, target: keras.Model) -> None:
    """Gives a model of the same structure the state of another.

    Layer by layer, with their own stores and assets, as a `.keras` file
    does; `set_weights` knows nothing of what layers keep beside weights (the
    statistics of an adapted `Normalization`, a vocabulary). Uses
    `Layer._flatten_layers`, and `save_own_variables`, `load_own_variables`,
    `save_assets` and `load_assets` of layers.

    Raises:
        ValueError: the models do not have the same layers.
    """
    layers = list(source._flatten_layers()), list(target._flatten_layers())
    kinds = [[type(layer) for layer in each] for each in layers]
    if kinds[0] != kinds[1]:
        raise ValueError(
            f"the copy has {len(layers[1])} layers, the original "
            f"{len(layers[0])}, or they are of other kinds"
        )
    for original, copy in zip(*layers, strict=True):
        store = {}
        original.save_own_variables(store)
        # In arrays of their own: JAX would share its buffers, and the step
        # that trains one model would delete those of the other.
        copy.load_own_variables(
            {name: _own_array(value) for name, value in store.items()}
        )
        if getattr(original, "lora_enabled", False):
            # What is stored has the factors in the kernel, and none of them.
            for old, new in zip(
                original.variables, copy.variables, strict=True
            ):
                new.assign(_own_array(old))
        if hasattr(original, "save_assets"):
            with tempfile.TemporaryDirectory() as folder:
                original.save_assets(folder)
                copy.load_assets(folder)


def _own_array(value: keras.Variable) -> np.ndarray:
    return np.array(keras.ops.convert_to_numpy(value))


def layer_classes(model: keras.Model) -> set[type]:
    """Returns the classes of all layers of a model, and its own.

    Uses `Layer._flatten_layers`.
    """
    return {type(layer) for layer in model._flatten_layers()}
