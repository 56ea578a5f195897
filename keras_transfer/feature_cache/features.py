"""Features of a data set at a boundary, for whatever comes after."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras

from keras_transfer._private.types import Data, PathLike, Verbose
from keras_transfer.data.adapters import adapt_packed
from keras_transfer.feature_cache.boundary import between, boundary_at
from keras_transfer.feature_cache.building import build
from keras_transfer.feature_cache.cacheability import reasons_not_to_cache
from keras_transfer.feature_cache.rows import num_bytes
from keras_transfer.feature_cache.settings import as_feature_cache

if TYPE_CHECKING:
    from keras_transfer.feature_cache.boundary import Boundary
    from keras_transfer.feature_cache.cached import CachedFeatures
    from keras_transfer.feature_cache.settings import FeatureCache


def features(
    model: keras.Model,
    data: Data,
    *,
    depth: int = 0,
    boundary: Boundary | None = None,
    through: int | None = None,
    cache: FeatureCache | PathLike = "memory",
    name: str = "given",
    verbose: Verbose = "auto",
) -> CachedFeatures:
    """Runs a data set through the lower part of a `TransferModel` once.

    Args:
        model: a `TransferModel`. Its flags do not matter.
        data: arrays `(x, y)`, or what `fit` trains on.
        depth: blocks above the boundary, from 0 (the pooled features that the
            head starts from) to all but one.
        boundary: what `boundary_at(model, depth)` has returned, so that
            several data sets run through one network, traced once.
        through: blocks above a deeper boundary. Its activations are computed
            first and kept in `cache`, the features from them: a later `fit`
            with that many blocks and that cache has no need of the images.
        cache: `"memory"`, a folder or a `FeatureCache`.
        name: what to call the data in the progress bar.
        verbose: 0 shows no progress.

    Returns:
        `CachedFeatures`: `.take(rows)` gives activations, `.rest` labels and
        weights, `.ids` the number of the sample (or batch) of each row.

    Raises:
        ValueError: the data cannot be walked over.

    Example:

    ```python
    found = features(model, (images, labels))
    x, (y,) = found.take(found.rows), found.rest
    ```
    """
    data = adapt_packed(data, shuffle=False).looked_at(model, labels=False)
    samples, cache = data.samples(), as_feature_cache(cache)
    boundary = boundary or boundary_at(model, depth)
    options: dict[str, Any] = {"name": name, "verbose": verbose}
    below = None
    if through is not None and through > depth:
        start = boundary_at(model, through)
        found = build(samples, start, cache, **options)
        below = found, between(start, boundary)
    return build(samples, boundary, cache, deeper=below, **options)


def bytes_to_cache(
    model: keras.Model,
    num_samples: int,
    depth: int | None = None,
    *,
    views: int = 1,
) -> int | None:
    """Returns what caching a training takes, or `None` if it cannot be exact.

    Args:
        model: a `TransferModel`.
        num_samples: how many samples there are.
        depth: blocks above the boundary; `None` is what trains now.
        views: how many augmented versions of each sample.

    Returns:
        Bytes, or `None` where nothing is frozen, where something below the
        boundary is random or trains, or where the size is not known.
    """
    depth = model.trainable_depth if depth is None else depth
    if depth == len(model.blocks):
        return None
    boundary = boundary_at(model, depth)
    if reasons_not_to_cache(boundary, views=views):
        return None
    shapes = [tensor.shape[1:] for tensor in boundary.prefix.outputs]
    if any(None in shape for shape in shapes):
        return None
    return views * sum(
        num_bytes(num_samples, shape, "float32") for shape in shapes
    )
