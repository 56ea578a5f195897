"""The data of a recipe, divided into those to train and to validate on."""

import keras
import numpy as np

from keras_transfer.data.batches import ArrayBatches, ReorderedBatches
from keras_transfer.data.first_batch import are_arrays
from keras_transfer.data.nested import concatenated
from keras_transfer.data.samples import samples_of
from keras_transfer.data.sampling import train_validation_split
from keras_transfer.data.seeded_batches import SeededBatches
from keras_transfer.data.views import SubsetBatches
from keras_transfer.storage.memory import available_bytes

# Of the training data, where a part of it decides about what was trained.
HELD_OUT = 0.2


def parts(train, validation, *, held_out=0, batch_size=32, seed=0):
    """Returns `(train, validation)` as `SeededBatches`.

    Args:
        train: what `data.load` returns (any object with `.train` and
            `.validation`), arrays `(x, y)` or `(x, y, sample_weight)`,
            `SeededBatches`, a `PyDataset`, a `tf.data.Dataset`, a torch
            `DataLoader` or a Grain data set. The last four are read into
            memory once.
        validation: the same but for the first, or `None`.
        held_out: share of `train` to hold out where there is no validation.
        batch_size: samples a step, for what has none of its own.
        seed: seed of the order, for what has none of its own.

    Raises:
        ValueError: samples without labels, or data that cannot be walked
            over.
        MemoryError: a data set that does not fit into memory.
    """
    if not isinstance(train, tuple) and hasattr(train, "validation"):
        validation = train.validation if validation is None else validation
        train = train.train
    options = {"batch_size": batch_size, "seed": seed}
    train = _labelled(train, "train", options)
    if validation is not None:
        options["shuffle"] = False
        validation = _labelled(validation, "validation", options)
    elif held_out:
        train, validation = hold_out(train, held_out, seed)
    return train, validation


def as_numbered(data, name, **options):
    """Returns data, with labels or without, as `SeededBatches`.

    Args:
        data: as in `parts`, or arrays `x` alone.
        name: what to call them in a message.
        **options: `batch_size` and `seed`, as in `parts`.
    """
    return _numbered(getattr(data, "train", data), name, options)


def in_passes_of(batches, batch_size):
    """Returns the same samples in other batches, each epoch one pass."""
    run = batches.in_batches_of(batch_size)
    run.steps_per_epoch = None
    return run


def hold_out(batches, fraction, seed):
    """Returns `(train, validation)`: a part held out, class by class."""
    stay, held_out = train_validation_split(
        batches.read_labels(), fraction, seed
    )
    return (
        SubsetBatches(batches, stay),
        SubsetBatches(batches, held_out, shuffle=False),
    )


def _numbered(data, name, options):
    if isinstance(data, tuple) or are_arrays(data):
        x, y, weights = keras.utils.unpack_x_y_sample_weight(data)
        return ArrayBatches(x, y, weights, **options)
    is_foreign = isinstance(data, ReorderedBatches)
    if isinstance(data, SeededBatches) and not is_foreign:
        return data
    return _in_memory(data, name, options)


def _labelled(data, name, options):
    data = _numbered(data, name, options)
    if len(data.read(np.arange(1))) < 2:
        raise ValueError(
            f"`{name}` has no labels. Received: samples alone. Expected "
            "arrays (x, y), or batches of (x, y)."
        )
    return data


def _in_memory(data, name, options):
    """Reads a data set of another kind to its end."""
    kind = type(data).__name__
    if isinstance(data, keras.utils.PyDataset):
        if not hasattr(data, "__len__"):
            raise ValueError(
                f"`{name}` has no end. Received: a {kind} without `__len__`. "
                "Expected a PyDataset that says how many batches it has."
            )
        data = ReorderedBatches(data)
    batches, taken = [], 0
    most = (available_bytes() or float("inf")) / 2
    for _, batch in samples_of(data).chunks():
        batches.append(batch)
        arrays = keras.tree.flatten(batch)
        taken += sum(leaf.nbytes for leaf in arrays if leaf is not None)
        if taken > most:
            raise MemoryError(
                f"`{name}` is a {kind} of more than "
                f"{taken:,} bytes, half of the memory that is available. "
                "Recipes read such data sets into memory. Expected "
                "keras_transfer.data.load, which reads photos as they are "
                "needed, or fewer samples."
            )
    return ArrayBatches(*concatenated(batches), **options)
