"""The features that a model's head starts from, of a bounded part of data."""

import numpy as np

from keras_transfer import feature_cache
from keras_transfer.data import look
from keras_transfer.data.adapters import adapt
from keras_transfer.data.views import SubsetBatches
from keras_transfer.layers import FeaturePooling
from keras_transfer.models import TransferModel
from keras_transfer.recipes.data_parts import as_numbered


def drawn(data, name, most, seed):
    """Returns at most `most` samples as `SeededBatches`, in a fixed order.

    Args:
        data: arrays `x` or `(x, y)`, or a data set that `fit` takes.
        name: what to call them in a message.
        most: most samples; of more, so many are drawn.
        seed: seed of which.
    """
    batches = as_numbered(data, name, batch_size=32, seed=seed)
    rows = np.arange(batches.num_samples)
    if len(rows) > most:
        draw = np.random.default_rng(seed).permutation(len(rows))
        rows = np.sort(draw[:most])
    return SubsetBatches(batches, rows, shuffle=False)


def pooled_features(model, batches, name, verbose="auto"):
    """Runs a data set through a `TransferModel` below its head, once.

    Args:
        model: a `TransferModel`. Its flags do not matter.
        batches: `SeededBatches`, with labels or without.
        name: what to call the data in the progress bar.
        verbose: 0 shows no progress.

    Returns:
        `(features, rest)`: an array `(samples, dimensions)`, maps and
        sequences averaged over their positions where the head does not pool
        them otherwise; and the labels and weights that the data have.

    Raises:
        ValueError: no `TransferModel`, or data that do not fit it.
    """
    check_model(model)
    adapt(batches).looked_at(model, labels=False)
    with look.done():
        found = feature_cache.features(
            model, batches, name=name, verbose=verbose
        )
    x = found.take(found.rows)
    x = np.asarray(x[0] if found.is_several else x)
    if x.ndim > 2:
        x = np.asarray(FeaturePooling()(x))
    return x, found.rest


def check_model(model):
    """Raises if something is no `TransferModel`."""
    if not isinstance(model, TransferModel):
        raise ValueError(
            "A TransferModel is expected, whose features below the head are "
            f"read. Received: {type(model).__name__}. Build one around your "
            "model: TransferModel(model, head=...)."
        )
