"""Samples without labels: made, and told from labelled ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from keras_transfer._private.types import Data
from keras_transfer.data.adapters import adapt_packed
from keras_transfer.data.views import JoinedInputs

if TYPE_CHECKING:
    from keras_transfer.data.seeded_batches import SeededBatches


def without_labels(
    data: Data, *, batch_size: int = 32, seed: int = 0
) -> SeededBatches:
    """Returns the samples of a data set alone, for `unlabelled=`.

    Args:
        data: a part of what `data.load` returns, arrays `(x, y)`, or a data
            set that `fit` takes and that can be walked over again.
        batch_size: samples a batch.
        seed: seed of the order.

    Returns:
        Batches `(x,)` of the same samples.

    Raises:
        ValueError: data that cannot be walked over.

    Example:

    ```python
    photos = kt.data.load("photos/")
    more = kt.data.load("more_photos/")
    kt.match(
        source=source,
        target=target,
        train=photos,
        unlabelled=kt.data.without_labels(more.train),
    )
    ```
    """
    order = {"batch_size": batch_size, "seed": seed}
    batches = adapt_packed(data, **order).numbered("data", **order)
    return JoinedInputs([batches], **order)


def check_unlabelled(batches: SeededBatches, name: str = "unlabelled") -> None:
    """Raises if samples that should have no labels have some.

    Args:
        batches: `SeededBatches`.
        name: what to call them.

    Raises:
        ValueError: there are labels.
    """
    if len(batches.read(np.arange(1))) > 1:
        raise ValueError(
            f"`{name}` takes samples without labels, and these have some: "
            "are they the validation data, or further samples to train on? "
            "Received: (x, y). Expected x alone. Labelled samples go to "
            "`train` or `validation`; to leave labels out use "
            "keras_transfer.data.without_labels(data)."
        )
