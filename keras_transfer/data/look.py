"""A look at data before anything trains, once for every entrance.

The mistakes that cost people a night are visible in it: pixels that are not
numbers, images already scaled to 0..1, labels that do not fit the head.
"""

import contextlib
import contextvars
from collections.abc import Iterator

import keras

from keras_transfer._private.types import Nested
from keras_transfer.data.label_checks import check_labels
from keras_transfer.data.nested import as_arrays
from keras_transfer.data.pixel_checks import check_inputs, note_pixels

_is_done = contextvars.ContextVar("looked at", default=False)


def is_due() -> bool:
    """Whether data are still to be looked at."""
    return not _is_done.get()


@contextlib.contextmanager
def done() -> Iterator[None]:
    """What is trained in here has been looked at already."""
    token = _is_done.set(True)
    try:
        yield
    finally:
        _is_done.reset(token)


def examine(batch: Nested, model: keras.Model, labels: bool = True) -> None:
    """Raises or warns about what is wrong with one batch `(x, y, ...)`.

    Args:
        batch: arrays or tensors of some samples.
        model: the model that is to train on them.
        labels: whether labels are looked at too.

    Raises:
        ValueError: NaN or infinite inputs, or labels that do not fit.
    """
    x, y, _ = keras.utils.unpack_x_y_sample_weight(as_arrays(batch))
    check_inputs(x, model)
    note_pixels(x, model)
    if labels:
        check_labels(y, model)
