"""What a late joiner's rate is multiplied with, by its age and the clock.

An optimizer with a bias correction divides by what its averages lack after
`t` steps. For a variable that has trained `age` steps when the common clock
says `step`, the averages lack more. The factor puts that right. For Adam
(Kingma and Ba 2015, Adam: A Method for Stochastic Optimization, section 2):

    c(age) / c(step),    c(t) = sqrt(1 - beta_2 ** t) / (1 - beta_1 ** t)
"""

from collections.abc import Callable
from typing import TypeAlias

import keras
import numpy as np
from keras import ops

from keras_transfer._private.types import Tensor

_NADAM_TERMS = 128
# Of the age of a variable and the step of the clock.
Factor: TypeAlias = Callable[[Tensor, Tensor], Tensor]


def of(optimizer: keras.optimizers.Optimizer) -> Factor | None:
    """Returns `factor(age, step)`, or `None` where no rate can correct.

    Args:
        optimizer: a Keras optimizer that wraps no other.

    Returns:
        A function of two float tensors of step numbers, from 1 and of shapes
        that broadcast, or `None`.
    """
    if isinstance(optimizer, keras.optimizers.Adam):
        return _adam(optimizer.beta_1, optimizer.beta_2)
    if isinstance(optimizer, keras.optimizers.Muon):
        return _adam(optimizer.adam_beta_1, optimizer.adam_beta_2)
    if isinstance(optimizer, keras.optimizers.Adamax):
        return _adamax(optimizer.beta_1)
    if isinstance(optimizer, keras.optimizers.Nadam):
        return _nadam(optimizer.beta_1, optimizer.beta_2)
    return None


def _filled(beta: float, step: Tensor) -> Tensor:
    """What an average with momentum `beta` has taken in after some steps."""
    return 1.0 - ops.power(beta, step)


def _adam(beta_1: float, beta_2: float) -> Factor:
    def correction(step: Tensor) -> Tensor:
        return ops.sqrt(_filled(beta_2, step)) / _filled(beta_1, step)

    return lambda age, step: correction(age) / correction(step)


def _adamax(beta_1: float) -> Factor:
    return lambda age, step: _filled(beta_1, step) / _filled(beta_1, age)


def _nadam(beta_1: float, beta_2: float) -> Factor:
    """Exact for a gradient that stays the same, near for others.

    Nadam (Dozat 2016, Incorporating Nesterov Momentum into Adam) steps along
    a mixture of momentum `m` and gradient `g`, each with its own correction:

        u(t + 1) * m / (1 - P(t + 1)) + (1 - u(t)) * g / (1 - P(t))

    with `u(t) = beta_1 * (1 - 0.5 * 0.96 ** t)` as in Keras and `P` their
    product. One factor cannot be right for both; `m = (1 - beta_1 ** age) * g`
    is assumed.
    """
    momenta = beta_1 * (1.0 - 0.5 * 0.96 ** np.arange(_NADAM_TERMS + 2.0))
    momenta[0] = 1.0
    products = np.cumprod(momenta).astype("float32")
    momenta = momenta.astype("float32")

    def mixture(step: Tensor, age: Tensor) -> Tensor:
        # Beyond the table u and P have reached their limits.
        now = ops.cast(ops.minimum(step, float(_NADAM_TERMS)), "int32")
        of_momentum = ops.take(momenta, now + 1) / (
            1.0 - ops.take(products, now + 1)
        )
        of_gradient = (1.0 - ops.take(momenta, now)) / (
            1.0 - ops.take(products, now)
        )
        return of_momentum * _filled(beta_1, age) + of_gradient

    def factor(age: Tensor, step: Tensor) -> Tensor:
        velocity = ops.sqrt(_filled(beta_2, age) / _filled(beta_2, step))
        return velocity * mixture(age, age) / mixture(step, age)

    return factor
