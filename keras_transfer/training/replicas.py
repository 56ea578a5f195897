"""How many devices train a model at once, and batches that they can share."""

import contextlib
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import keras

from keras_transfer import _private
from keras_transfer._private.types import Nested, Shape, Tensor


class EvenlyOrWhole(keras.distribution.DataParallel):
    """`DataParallel` that can also give every device whole batches.

    `DataParallel` refuses a batch that its devices cannot share equally: the
    last one of most data sets.
    """

    gives_whole = False

    def get_data_layout(
        self, data_shape: Shape
    ) -> keras.distribution.TensorLayout:
        layout = super().get_data_layout(data_shape)
        if self.gives_whole:
            axes = [None] * len(data_shape)
            return keras.distribution.TensorLayout(axes, self.device_mesh)
        return layout


def num_replicas(model: keras.Model) -> int:
    """Returns on how many devices each batch of a model's data is spread.

    That of the `tf.distribute` strategy under which it was built, or of the
    `keras.distribution.DataParallel` that is set; else 1.
    """
    strategy = getattr(model, "distribute_strategy", None)
    if strategy is not None:
        return strategy.num_replicas_in_sync
    distribution = keras.distribution.distribution()
    if isinstance(distribution, keras.distribution.DataParallel):
        return distribution.device_mesh.devices.size
    return 1


@contextlib.contextmanager
def each_in_full() -> Iterator[None]:
    """Lets every device see whole batches, to count every sample once.

    `tf.distribute` needs nothing of it: it splits batches as they are.
    """
    distribution = keras.distribution.distribution()
    if not isinstance(distribution, EvenlyOrWhole):
        yield
        return
    before, distribution.gives_whole = distribution.gives_whole, True
    try:
        yield
    finally:
        distribution.gives_whole = before


def scope_of(model: keras.Model) -> AbstractContextManager:
    """Returns the context in which variables of a model have to be made."""
    strategy = getattr(model, "distribute_strategy", None)
    return contextlib.nullcontext() if strategy is None else strategy.scope()


# The devices of each group that has been compiled for, by its number, and the
# strategy it was of.
_GROUPS = {}


def check_groups(model: keras.Model) -> None:
    """Raises if a model's devices would be taken for those of another one.

    TensorFlow numbers the groups of devices of each strategy from 1.

    Raises:
        ValueError: a strategy of other devices has the same number.
    """
    strategy = getattr(model, "distribute_strategy", None)
    if strategy is None or strategy.num_replicas_in_sync == 1:
        return
    for devices, number in _private.groups_of_devices(strategy).items():
        known, other = _GROUPS.setdefault(number, (devices, strategy))
        if known != devices:
            raise ValueError(
                "TensorFlow mixes up two strategies of one process that are "
                f"on other devices. Received: '{model.name}' on {devices}, "
                f"after a model on {known}. {_ONE}"
            )
        if other is not strategy:
            warnings.warn(
                f"'{model.name}' is under a second MirroredStrategy on the "
                "same devices. TensorFlow mixes the two up where the models "
                f"have other shapes. {_ONE}",
                stacklevel=3,
            )


_ONE = (
    "Use keras_transfer.distribution.strategy('mirrored', devices), which may "
    "be called again, or one strategy in all of the process."
)


def optimizer_for(
    model: keras.Model, optimizer: keras.optimizers.Optimizer | str
) -> keras.optimizers.Optimizer | str:
    """Returns an optimizer that may train a model, wherever it was made.

    Where several devices train, its variables must have been made for them.
    Call it inside `scope_of(model)`.
    """
    if num_replicas(model) == 1 or getattr(optimizer, "built", True):
        return optimizer
    strategy = getattr(model, "distribute_strategy", None)
    if strategy is not None and _private.was_made_in(strategy, optimizer):
        return optimizer
    return _private.made_again(optimizer)


def copied(data: Nested) -> Nested:
    """Returns the data of a step, in memory that the step may write to.

    `tf.distribute` slices each batch by device, and TensorFlow computes in
    place where it holds the last reference to such a slice: in the arrays of
    a `PyDataset` or a generator, which came to it without a copy.

    Args:
        data: nested tensors of shape `(num_samples, ...)`.
    """
    return keras.tree.map_structure(_copy, data)


def _copy(tensor: Tensor) -> Tensor:
    # Sparse and ragged ones have parts of their own, and no slices.
    is_whole = not (
        hasattr(tensor, "dense_shape") or hasattr(tensor, "row_splits")
    )
    if not (is_whole and keras.ops.is_tensor(tensor)):
        return tensor
    rows = keras.ops.arange(keras.ops.shape(tensor)[0])
    return keras.ops.take(tensor, rows, axis=0)


def unless_empty(
    step: Callable[[], Nested], data: Nested, otherwise: Callable[[], Nested]
) -> Nested:
    """Returns what a step makes of a share of a batch, if there is any.

    `tf.distribute` gives some replicas nothing of a small batch, and not every
    layer takes no samples.

    Args:
        step: function without arguments.
        data: the share, nested tensors of shape `(num_samples, ...)`.
        otherwise: function that returns what stands for no samples.
    """
    rows = keras.ops.shape(keras.tree.flatten(data)[0])[0]
    return keras.ops.cond(rows > 0, step, otherwise)
