"""Notices that a model trains as a part of another one.

Such a step belongs to the other model: it goes by the flags that it was
traced with, and by the optimizer that was built for them.
"""

import contextlib
import threading
import warnings
from collections.abc import Iterator

import keras

# By thread, since tf.distribute runs each replica in one of its own.
_STEP = threading.local()


@contextlib.contextmanager
def own_step() -> Iterator[None]:
    """A model that is called in here in training is called by its own step."""
    before = getattr(_STEP, "is_own", False)
    _STEP.is_own = True
    try:
        yield
    finally:
        _STEP.is_own = before


def is_own_step() -> bool:
    """Whether the step that runs is one of `own_step`."""
    return getattr(_STEP, "is_own", False)


def warn_of_outer_model(model: keras.Model) -> None:
    """Says that another model does not know of flags that have changed."""
    warnings.warn(
        f"The trainable depth of '{model.name}' has changed, but it was "
        "trained as a part of another model, whose training step goes on as "
        "before. Compile that model again before its next `fit`: "
        "outer.compile(...). Set the depth before the first `fit`, or train "
        f"'{model.name}' itself, and nothing has to be compiled.",
        stacklevel=3,
    )
