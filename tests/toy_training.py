"""A few variables that an optimizer trains without a model."""

import types

import keras
import numpy as np
from keras import ops

import keras_transfer as kt


class Toy:
    """Variables in blocks of one, trained by an optimizer without a model."""

    def __init__(self, optimizer, num_variables=3, names=None):
        self.variables = [
            keras.Variable(np.full((2, 2), 1.0 + i), name="kernel")
            for i in range(num_variables)
        ]
        names = names or [f"block_{i}" for i in range(num_variables - 1)]
        blocks = [
            types.SimpleNamespace(name=name, layers=[self._layer(i)])
            for i, name in enumerate(names)
        ]
        self.optimizer = optimizer
        if isinstance(optimizer, kt.LayerwiseOptimizer):
            optimizer._know_blocks(blocks, [self._layer(-1)], self.variables)
        optimizer.build(self.variables)
        self.follow(range(num_variables))

    def _layer(self, index):
        return types.SimpleNamespace(variables=[self.variables[index]])

    def follow(self, active):
        self.active = [self.variables[i] for i in active]
        if isinstance(self.optimizer, kt.LayerwiseOptimizer):
            self.optimizer._follow(self.active)

    def step(self, gradients):
        gradients = [ops.convert_to_tensor(g) for g in gradients]
        self.optimizer.apply(gradients, self.active)

    def values(self):
        return [np.array(ops.convert_to_numpy(v)) for v in self.variables]


def gradients(number, count=3):
    """Gradients of step `number`, one for each variable."""
    rng = np.random.default_rng(number)
    return [rng.normal(size=(2, 2)).astype("float32") for _ in range(count)]
