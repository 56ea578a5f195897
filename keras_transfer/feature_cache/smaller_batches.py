"""The last batch of an epoch, which is smaller than the others."""

import numpy as np

from keras_transfer.feature_cache.building import run_prefix


def smaller_batches(samples, cached, boundary):
    """Returns a function that computes the activations of small batches.

    With shuffling, other samples are in the last batch of each epoch. A kernel
    that is faster for few samples may round differently, so these run through
    the frozen part as they do without a cache: a batch an epoch.

    Args:
        samples: the `Samples` of the training.
        cached: the `CachedSamples` at the boundary.
        boundary: the `Boundary`.

    Returns:
        `f(sample_ids)`, or `None` if there is no such batch, or if what is
        looked up is not exact anyway.
    """
    exact = len(cached.views) == 1 and all(
        store.dtype not in ("float16", "bfloat16") for store in cached.views[0]
    )
    left_over = len(cached.rows) % samples.batch_size
    if not (samples.is_mixed and exact and left_over):
        return None

    def activations(sample_ids):
        x, *_ = samples.batches.read(np.asarray(sample_ids))
        outputs = run_prefix(boundary.prefix, x)
        return outputs if cached.is_list else outputs[0]

    # Made ready here, for a thread that reads ahead may be the next to ask.
    activations(np.arange(left_over))
    return activations
