"""Running the frozen part of a model on one batch."""

import contextlib

import keras
import numpy as np
from keras import ops

from keras_transfer import _private
from keras_transfer.data.nested import as_arrays, num_rows, take_rows
from keras_transfer.training.replicas import each_in_full, num_replicas

# Seeds between one sample and the next: more than a layer draws in one call.
_SEED_STEP = 256


def run(prefix, x):
    """Returns the tensors at the boundary for one batch, as a list."""
    with each_in_full():
        if num_replicas(prefix) == 1:
            outputs = prefix.predict_on_batch(x)
        else:
            outputs = _predict_on_replicas(prefix, x)
    outputs = outputs if isinstance(outputs, list) else [outputs]
    return [_as_stored(np.asarray(output)) for output in outputs]


def _predict_on_replicas(prefix, x):
    """`predict` of one batch, of which no replica gets nothing.

    `predict_on_batch` would give every replica all of it.
    """
    rows = num_rows(x)
    numbers = np.arange(-(-rows // num_replicas(prefix)) * num_replicas(prefix))
    x = take_rows(as_arrays(x), np.minimum(numbers, rows - 1))
    outputs = prefix.predict(x, batch_size=len(numbers), verbose=0)
    return take_rows(outputs, slice(rows))


def _as_stored(output):
    return output if output.dtype.kind in "biu" else output.astype("float32")


class InTraining(keras.Model):
    """Runs a model as in training: random layers draw."""

    def __init__(self, model):
        super().__init__()
        self.model = model
        self.run_eagerly = model.run_eagerly

    def call(self, inputs):
        return self.model(inputs, training=True)


@contextlib.contextmanager
def seeded_by_number(model):
    """Lets random layers draw by the sample's number, not by what ran before.

    A build that goes on after a kill, or finds a part of its files, then draws
    what a new one does; and a training does not see whether there was one.

    Yields:
        A function that takes the number of the sample that comes next.
    """
    states = _private.seed_states(model)
    before = [ops.convert_to_numpy(state) for state in states]

    def assign(shift):
        for state, value in zip(states, before, strict=True):
            state.assign(value + shift)

    def count_from(number):
        assign(np.array([0, number * _SEED_STEP % 2**31], "uint32"))

    try:
        yield count_from
    finally:
        assign(0)
