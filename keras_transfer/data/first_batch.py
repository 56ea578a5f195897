"""A look at the first batch before anything trains.

The mistakes that cost people a night are visible in it: pixels that are not
numbers, images already scaled to 0..1, labels that do not fit the loss.
"""

import contextlib
import sys
import warnings

import keras
import numpy as np

from keras_transfer.data.nested import as_arrays, num_rows, take_rows

_SPARSE = "sparse_categorical_crossentropy"
_ONE_HOT = "categorical_crossentropy"


def are_arrays(data):
    """Tells whether `data` is an array, or a structure of nothing else."""
    leaves = keras.tree.flatten(data)
    return bool(leaves) and all(
        hasattr(leaf, "__array__") and len(getattr(leaf, "shape", ())) > 0
        for leaf in leaves
    )


def cut_off(arrays, fraction):
    """Splits the last `fraction` of the samples off, as Keras does.

    Args:
        arrays: structure of arrays of equal length; `None` stays `None`.
        fraction: share of the samples, between 0 and 1.

    Returns:
        `(first, last)`, two structures like `arrays`.

    Raises:
        ValueError: one of the parts would be empty.
    """
    size = num_rows(arrays)
    split_at = int(size * (1.0 - fraction))
    if not 0 < split_at < size:
        raise ValueError(
            "`validation_split` leaves one part without samples. Received: "
            f"validation_split={fraction} for {size} samples. Expected a "
            "share between 0 and 1 that gives both parts at least one."
        )
    first = take_rows(arrays, slice(None, split_at))
    return first, take_rows(arrays, slice(split_at, None))


def check(x, y, model):
    """Examines the first batch of what `fit` was given.

    Args:
        x: what `fit` got as `x`, arrays already wrapped.
        y: what `fit` got as `y`.
        model: the compiled `TransferModel`.

    Returns:
        The data to train on: `x` itself, or for a generator one that starts
        with the batch that was looked at.

    Raises:
        ValueError: NaN or infinite pixels, or labels that do not fit.
    """
    if isinstance(x, keras.utils.PyDataset):
        examine(x[0], model)
    elif is_tf_dataset(x):
        return _examined_in_pipeline(x, model)
    elif is_torch_loader(x):
        with order_kept(x):
            examine(next(iter(x)), model)
    elif _is_grain_dataset(x):
        # Grain starts from the same sample however often it is asked.
        examine(next(iter(x)), model)
    elif hasattr(x, "__next__"):
        first = next(x)
        examine(first, model)
        return _resumed(first, x)
    return x


def examine(batch, model):
    """Raises or warns about what is wrong with one batch `(x, y, ...)`."""
    x, y, _ = keras.utils.unpack_x_y_sample_weight(as_arrays(batch))
    for leaf in keras.tree.flatten(x):
        _check_pixels(np.asarray(leaf), model)
    if y is not None and getattr(model, "compiled", False):
        _check_labels(y, model)


def _check_pixels(x, model):
    if not np.issubdtype(x.dtype, np.floating):
        return
    bad = np.flatnonzero(~np.isfinite(x).reshape(len(x), -1).all(axis=1))
    if bad.size:
        raise ValueError(
            "The first batch holds values that are not numbers. Received: NaN "
            f"or infinity in {bad.size} of {len(x)} samples, first in sample "
            f"{bad[0]}. Expected finite values. Clean the data, for example "
            "with np.nan_to_num, or leave those samples out."
        )
    expects_bytes = model.expects_pixels and x.ndim == 4
    if expects_bytes and x.size and x.max() <= 1.0:
        warnings.warn(
            "The images look scaled to 0..1 already: the largest value of the "
            f"first batch is {x.max():.3g}. Expected raw pixels in 0..255; "
            "the model scales them itself. Drop the division by 255, or "
            "build the model with preprocessing=None.",
            stacklevel=4,
        )


def _check_labels(y, model):
    loss = _loss_name(model.loss)
    num_outputs = model.output_shape[-1]
    if loss is None or keras.tree.is_nested(y):
        return
    y = np.asarray(y)
    if loss == _SPARSE:
        _check_integer_labels(y, num_outputs)
    elif loss == _ONE_HOT and (y.ndim < 2 or y.shape[-1] != num_outputs):
        raise ValueError(
            "categorical_crossentropy takes one-hot labels. Received: labels "
            f"of shape {y.shape}. Expected (batch, {num_outputs}). For "
            f"integer labels compile with loss='{_SPARSE}'."
        )


def _check_integer_labels(y, num_classes):
    if y.ndim == 2 and y.shape[1] == num_classes and num_classes > 1:
        raise ValueError(
            f"{_SPARSE} takes integer labels. Received: one-hot labels of "
            f"shape {y.shape}. Either pass np.argmax(labels, axis=-1), or "
            f"compile with loss='{_ONE_HOT}'."
        )
    bad = y[(y < 0) | (y >= num_classes) | (y != np.floor(y))]
    if bad.size:
        raise ValueError(
            "The labels do not fit the head. Received: label "
            f"{bad.flat[0]}, while the head has {num_classes} classes. "
            f"Expected whole numbers from 0 to {num_classes - 1}. Number the "
            f"classes from 0, or build the model with a larger head."
        )


def _loss_name(loss):
    """The snake-case name of a loss given as a string, object or function."""
    if isinstance(loss, (str, keras.losses.Loss)) or callable(loss):
        loss = keras.losses.get(loss)
        if isinstance(loss, keras.losses.SparseCategoricalCrossentropy):
            return _SPARSE
        if isinstance(loss, keras.losses.CategoricalCrossentropy):
            return _ONE_HOT
        return getattr(loss, "__name__", None)
    return None


def _resumed(first, rest):
    # Keras takes generators, but no other iterators.
    yield first
    yield from rest


def is_tf_dataset(x):
    """Whether it is a `tf.data.Dataset`, without importing TensorFlow."""
    tf = sys.modules.get("tensorflow")
    return tf is not None and isinstance(x, tf.data.Dataset)


def is_torch_loader(x):
    """Whether it is a torch `DataLoader`, without importing torch."""
    torch_data = sys.modules.get("torch.utils.data")
    return torch_data is not None and isinstance(x, torch_data.DataLoader)


def _is_grain_dataset(x):
    grain = sys.modules.get("grain")
    return grain is not None and isinstance(
        x, (grain.MapDataset, grain.IterDataset, grain.DataLoader)
    )


@contextlib.contextmanager
def order_kept(loader):
    """Leaves the order of a torch loader as it was before one looked at it."""
    torch = sys.modules["torch"]
    state = torch.random.get_rng_state()
    own = getattr(loader, "generator", None)
    own_state = None if own is None else own.get_state()
    try:
        yield
    finally:
        torch.random.set_rng_state(state)
        if own is not None:
            own.set_state(own_state)


def _examined_in_pipeline(dataset, model):
    """Adds the look to a tf.data pipeline, for its very first batch.

    Taking a batch out beforehand would fill shuffle buffers twice, leave a
    cache half written and move the order of a seeded shuffle. TensorFlow is
    not imported here: whoever made the data set has done so.
    """
    tf = sys.modules["tensorflow"]
    seen = []

    def look(*leaves):
        if not seen:
            seen.append(True)
            packed = keras.tree.pack_sequence_as(
                dataset.element_spec, [leaf.numpy() for leaf in leaves]
            )
            examine(packed, model)
        return np.int64(0)

    def with_look(index, element):
        leaves = keras.tree.flatten(element)
        outcome = tf.cond(
            tf.equal(index, 0),
            lambda: tf.py_function(look, leaves, tf.int64),
            lambda: tf.constant(0, tf.int64),
        )
        with tf.control_dependencies([outcome]):
            return tf.nest.map_structure(tf.identity, element)

    spec = keras.tree.flatten(dataset.element_spec)
    if not all(isinstance(leaf, tf.TensorSpec) for leaf in spec):
        return dataset
    return dataset.enumerate().map(with_look)
