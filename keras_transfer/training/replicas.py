"""How many devices train a model at once, and batches that they can share."""

import contextlib

import keras

from keras_transfer import _private
from keras_transfer.data.batches import divisible
from keras_transfer.data.seeded_batches import SeededBatches


class EvenlyOrWhole(keras.distribution.DataParallel):
    """`DataParallel` that can also give every device whole batches.

    `DataParallel` refuses a batch that its devices cannot share equally: the
    last one of most data sets.
    """

    gives_whole = False

    def get_data_layout(self, data_shape):
        layout = super().get_data_layout(data_shape)
        if self.gives_whole:
            axes = [None] * len(data_shape)
            return keras.distribution.TensorLayout(axes, self.device_mesh)
        return layout


def num_replicas(model):
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
def each_in_full():
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


def scope_of(model):
    """Returns the context in which variables of a model have to be made."""
    strategy = getattr(model, "distribute_strategy", None)
    return contextlib.nullcontext() if strategy is None else strategy.scope()


def optimizer_for(model, optimizer):
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


def shared(data, count):
    """Returns training data in batches that so many devices share equally.

    Where a data set is not of this package, each batch loses its last samples
    that they cannot share. A torch loader and a `PyDataset` with workers of
    its own stay as they are.

    Args:
        data: what `fit` trains on, arrays already wrapped.
        count: number of devices.
    """
    if count == 1:
        return data
    if isinstance(data, SeededBatches):
        return data.for_devices(count)
    if hasattr(data, "element_spec"):
        return data.map(lambda *batch: _divisible_tensors(batch, count))
    if hasattr(data, "__next__"):
        return (divisible(batch, count) for batch in data)
    return data


def copied(data, model):
    """Returns the data of a step, in memory that the step may write to.

    `tf.distribute` slices each batch by device, and TensorFlow computes in
    place where it holds the last reference to such a slice: in the arrays of
    a `PyDataset` or a generator, which came to it without a copy.

    Args:
        data: nested tensors of shape `(num_samples, ...)`.
        model: the model whose step it is.
    """
    if getattr(model, "distribute_strategy", None) is None:
        return data
    return keras.tree.map_structure(_copy, data)


def _copy(tensor):
    # Sparse and ragged ones have parts of their own, and no slices.
    is_whole = not (
        hasattr(tensor, "dense_shape") or hasattr(tensor, "row_splits")
    )
    if not (is_whole and keras.ops.is_tensor(tensor)):
        return tensor
    rows = keras.ops.arange(keras.ops.shape(tensor)[0])
    return keras.ops.take(tensor, rows, axis=0)


def _divisible_tensors(batch, count):
    """`divisible` of the tensors in a `tf.data` pipeline."""
    batch = batch[0] if len(batch) == 1 else batch
    size = keras.ops.shape(keras.tree.flatten(batch)[0])[0]
    return keras.tree.map_structure(lambda x: x[: size - size % count], batch)
