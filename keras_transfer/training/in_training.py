"""Runs a model as in training, without training it."""

import keras


class InTraining(keras.Model):
    """Runs a model as in training: random layers draw, batch norm looks.

    Args:
        model: the model; its layers are shared.
    """

    def __init__(self, model):
        super().__init__()
        self.model = model
        self.run_eagerly = model.run_eagerly

    def call(self, inputs):
        return self.model(inputs, training=True)
