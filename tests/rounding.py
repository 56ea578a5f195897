"""Whether this machine can give equal bits for equal samples at all."""

import functools

import keras
import numpy as np


@functools.cache
def kernels_ignore_the_batch():
    """Whether a net puts out the same for a sample in whatever batch.

    A cached training can equal an uncached one to the last bit only where it
    does. JAX's kernels depend on the batch. So do TensorFlow's on some CPUs
    (seen on an AMD EPYC with AVX2 and without AVX-512): what is left over
    when a batch is cut into vectors rounds differently. The bits are compared
    where that holds, and the numbers to a hundred-thousandth elsewhere.
    """
    if keras.backend.backend() == "jax":
        return False
    layers = keras.layers
    net = keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(8, activation="relu"),
            layers.Dense(5, activation="tanh"),
            layers.Dense(7),
        ]
    )
    x = np.random.default_rng(0).normal(size=(64, 6)).astype("float32")
    whole = np.asarray(net.predict_on_batch(x))
    return all(
        np.array_equal(net.predict_on_batch(x[:size]), whole[:size])
        # One sample alone takes another way on torch too.
        for size in range(2, 64)
    )


def same_losses(a, b):
    """Whether losses are equal, or near on JAX."""
    exact = keras.backend.backend() != "jax"
    return a == b if exact else np.allclose(a, b, rtol=1e-5)
