"""The states of all generators of random numbers that a training may use."""

import random
import sys
from types import ModuleType
from typing import Any

import numpy as np
from keras import ops

from keras_transfer import _private


def collect() -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Returns `(arrays, info)`: what NumPy holds, and what JSON can hold."""
    version, python, gauss = random.getstate()
    name, keys, *rest = np.random.get_state()
    arrays: dict[str, np.ndarray] = {
        "python": np.array(python, "uint64"),
        "numpy": np.asarray(keys),
    }
    info = {"python": [version, gauss], "numpy": [name, *rest]}
    shared = _private.global_seed_state()
    if shared is not None:
        arrays["keras"] = ops.convert_to_numpy(shared)
    if "torch" in sys.modules:
        arrays |= _torch_states(sys.modules["torch"])
    return arrays, info


def restore(arrays: dict[str, np.ndarray], info: dict[str, Any]) -> None:
    """Sets the generators to what `collect` returned."""
    # First, because Python's generator seeds it where it is not there yet.
    if "keras" in arrays:
        shared = _private.global_seed_state(create=True)
        shared.assign(arrays["keras"])
    version, gauss = info["python"]
    random.setstate((version, tuple(map(int, arrays["python"])), gauss))
    name, *rest = info["numpy"]
    np.random.set_state((name, arrays["numpy"], *rest))
    if "torch" in arrays and "torch" in sys.modules:
        _restore_torch(sys.modules["torch"], arrays)


def _torch_states(torch: ModuleType) -> dict[str, np.ndarray]:
    states = {"torch": torch.random.get_rng_state()}
    # Dropout on a GPU draws from the generator of that GPU.
    if torch.cuda.is_initialized():
        for index, state in enumerate(torch.cuda.get_rng_state_all()):
            states[f"cuda/{index}"] = state
    return {name: state.numpy() for name, state in states.items()}


def _restore_torch(torch: ModuleType, arrays: dict[str, np.ndarray]) -> None:
    torch.random.set_rng_state(torch.from_numpy(arrays["torch"].copy()))
    if torch.cuda.is_initialized():
        for index in range(torch.cuda.device_count()):
            if f"cuda/{index}" in arrays:
                state = torch.from_numpy(arrays[f"cuda/{index}"].copy())
                torch.cuda.set_rng_state(state, index)
