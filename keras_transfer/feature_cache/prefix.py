"""Running the frozen part of a model on one batch."""

import contextlib
from collections.abc import Callable, Iterator

import keras
import numpy as np
from keras import ops

from keras_transfer import _private
from keras_transfer._private.types import Nested
from keras_transfer.data.nested import as_arrays, num_rows, take_rows
from keras_transfer.training.replicas import each_in_full, num_replicas

# Seeds between one sample and the next: more than a layer draws in one call.
_SEED_STEP = 256


def run(prefix: keras.Model, x: Nested) -> list[np.ndarray]:
    """Returns the tensors at the boundary for one batch, as a list."""
    with each_in_full():
        if num_replicas(prefix) == 1:
            if prefix.predict_function is None:
                prefix.make_predict_function()
                _private.trace_quietly(prefix.predict_function)
            outputs = prefix.predict_on_batch(x)
        else:
            outputs = _predict_on_replicas(prefix, x)
    outputs = outputs if isinstance(outputs, list) else [outputs]
    return [_as_stored(np.asarray(output)) for output in outputs]


class DrawsInInferenceError(ValueError):
    """The outputs of a prefix are random whatever it is told."""


def run_without_drawing(
    prefix: keras.Model, x: Nested, *, may_draw: bool = False
) -> list[np.ndarray]:
    """Like `run`, and finds out whether the outputs are random.

    Recurrent layers with dropout draw in inference too, and make no use of it.

    Raises:
        DrawsInInferenceError: they are, and may not: they would be in each
            epoch.
    """
    states = _private.seed_states(prefix)
    before = [ops.convert_to_numpy(state) for state in states]
    outputs = run(prefix, x)
    after = [ops.convert_to_numpy(state) for state in states]
    if may_draw or np.array_equal(before, after):
        return outputs
    again = run(prefix, x)
    if not all(map(np.array_equal, outputs, again)):
        raise DrawsInInferenceError(
            "A layer below the boundary draws random numbers in inference "
            "too, so that each epoch has other features. Leave feature_cache "
            "out, or draw only where `training` is True."
        )
    return outputs


def _predict_on_replicas(
    prefix: keras.Model, x: Nested
) -> np.ndarray | list[np.ndarray]:
    """`predict` of one batch, of which no replica gets nothing.

    `predict_on_batch` would give every replica all of it.
    """
    rows = num_rows(x)
    numbers = np.arange(-(-rows // num_replicas(prefix)) * num_replicas(prefix))
    x = take_rows(as_arrays(x), np.minimum(numbers, rows - 1))
    outputs = prefix.predict(x, batch_size=len(numbers), verbose=0)
    return take_rows(outputs, slice(rows))


def _as_stored(output: np.ndarray) -> np.ndarray:
    return output if output.dtype.kind in "biu" else output.astype("float32")


@contextlib.contextmanager
def seeded_by_number(model: keras.Model) -> Iterator[Callable[[int], None]]:
    """Lets random layers draw by the sample's number, not by what ran before.

    A build that goes on after a kill, or finds a part of its files, then draws
    what a new one does; and a training does not see whether there was one.

    Yields:
        A function that takes the number of the sample that comes next.
    """
    states = _private.seed_states(model)
    before = [ops.convert_to_numpy(state) for state in states]

    def assign(shift: np.ndarray | int) -> None:
        for state, value in zip(states, before, strict=True):
            state.assign(value + shift)

    def count_from(number: int) -> None:
        assign(np.array([0, number * _SEED_STEP % 2**31], "uint32"))

    try:
        yield count_from
    finally:
        assign(0)
