"""What the bias correction of an optimizer multiplies its rate with.

Kingma and Ba 2015, Adam: A Method for Stochastic Optimization, section 2, in
the order of operations that the paper gives for efficiency:

    alpha_t = alpha * c(t),    c(t) = sqrt(1 - beta_2 ** t) / (1 - beta_1 ** t)
"""

import keras
import numpy as np
from keras import ops

_NADAM_TERMS = 64


def of(optimizer):
    """Returns `c(t)`, or `None` where no rate can correct or none is needed.

    Args:
        optimizer: a Keras optimizer that wraps no other.

    Returns:
        A function from a float tensor of step numbers, from 1, to a tensor of
        the same shape, or `None`.
    """
    if isinstance(optimizer, keras.optimizers.Adam):
        return _adam(optimizer.beta_1, optimizer.beta_2)
    if isinstance(optimizer, keras.optimizers.Muon):
        return _adam(optimizer.adam_beta_1, optimizer.adam_beta_2)
    if isinstance(optimizer, keras.optimizers.Adamax):
        return lambda step: 1.0 / (1.0 - ops.power(optimizer.beta_1, step))
    if isinstance(optimizer, keras.optimizers.Nadam):
        return _nadam(optimizer.beta_1, optimizer.beta_2)
    return None


def _adam(beta_1, beta_2):
    def correction(step):
        return ops.sqrt(1.0 - ops.power(beta_2, step)) / (
            1.0 - ops.power(beta_1, step)
        )

    return correction


def _nadam(beta_1, beta_2):
    # Nadam corrects its momentum by the product of u_1 to u_(t + 1), which
    # falls below 1e-9 within 64 steps, and the gradient by that up to u_t.
    # One factor cannot be right for both: this is the momentum's.
    steps = np.arange(1, _NADAM_TERMS + 2)
    products = np.cumprod(beta_1 * (1.0 - 0.5 * 0.96**steps))
    products = products.astype("float32")

    def correction(step):
        index = ops.cast(ops.minimum(step, float(_NADAM_TERMS)), "int32")
        return ops.sqrt(1.0 - ops.power(beta_2, step)) / (
            1.0 - ops.take(products, index)
        )

    return correction
