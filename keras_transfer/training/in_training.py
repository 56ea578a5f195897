"""Runs a model as in training, without training it."""

import keras

from keras_transfer._private.types import Nested
from keras_transfer.training.nesting import own_step


class InTraining(keras.Model):
    """Runs a model as in training: random layers draw, batch norm looks.

    Args:
        model: the model; its layers are shared.
    """

    def __init__(self, model: keras.Model):
        super().__init__()
        self.model = model
        self.run_eagerly = model.run_eagerly

    def call(self, inputs: Nested) -> Nested:
        with own_step():
            return self.model(inputs, training=True)
