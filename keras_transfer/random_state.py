"""The states of all generators of random numbers that a training may use."""

import random
import sys

import numpy as np
from keras import ops

from keras_transfer import _keras_private


def collect():
    """Returns `(arrays, info)`: what NumPy holds, and what JSON can hold."""
    version, python, gauss = random.getstate()
    name, keys, *rest = np.random.get_state()
    arrays = {"python": np.array(python, "uint64"), "numpy": keys}
    info = {"python": [version, gauss], "numpy": [name, *rest]}
    shared = _keras_private.global_seed_state()
    if shared is not None:
        arrays["keras"] = ops.convert_to_numpy(shared)
    if "torch" in sys.modules:
        torch = sys.modules["torch"]
        arrays["torch"] = torch.random.get_rng_state().numpy()
    return arrays, info


def restore(arrays, info):
    """Sets the generators to what `collect` returned."""
    # First, because Python's generator seeds it where it is not there yet.
    if "keras" in arrays:
        shared = _keras_private.global_seed_state(create=True)
        shared.assign(arrays["keras"])
    version, gauss = info["python"]
    random.setstate((version, tuple(map(int, arrays["python"])), gauss))
    name, *rest = info["numpy"]
    np.random.set_state((name, arrays["numpy"], *rest))
    if "torch" in arrays and "torch" in sys.modules:
        torch = sys.modules["torch"]
        torch.random.set_rng_state(torch.from_numpy(arrays["torch"].copy()))
