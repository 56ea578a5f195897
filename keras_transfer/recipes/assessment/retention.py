"""How much a fine-tuned model still knows of its source's task."""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras
import numpy as np

from keras_transfer._private.types import Data, Verbose
from keras_transfer.recipes.assessment.block_features import block_features
from keras_transfer.recipes.assessment.class_labels import class_labels
from keras_transfer.recipes.assessment.out_of_fold import out_of_fold
from keras_transfer.recipes.assessment.pooled_features import drawn
from keras_transfer.recipes.assessment.retention_result import (
    BlockRetention,
    SourceRetention,
)
from keras_transfer.storage.printing import silent_at_verbose_0
from keras_transfer.transferability.linear_cka import linear_cka

if TYPE_CHECKING:
    from keras_transfer.recipes.assessment.block_features import BlockFeatures

_MOST = 2000


@silent_at_verbose_0
def source_retention(
    *,
    before: keras.Model,
    after: keras.Model,
    source_data: Data,
    source_head: keras.layers.Layer | None = None,
    seed: int = 0,
    verbose: Verbose = "auto",
) -> SourceRetention:
    """Measures what fine-tuning has changed on samples of the source.

    After each block the features of both models are compared by linear CKA
    (debiased): 1 where a block does what it did, 0 where nothing is left of
    it. With labels the accuracy on the source's classes is measured three
    times, on samples left out in folds:

    - before, and after, with one head: `source_head`, or a linear probe that
      was fitted to the features before;
    - after, with a probe that was fitted anew: what can still be read from
      the features.

    A fall with the one head and none with the new one means that the
    features have moved, and a new head would do; a fall with both is
    forgetting.

    Args:
        before: the model before fine-tuning, a `TransferModel` (its `clone`
            was taken then) or a backbone.
        after: the model after it, of the same architecture.
        source_data: inputs `x`, `(x, y)`, or a data set, of the source's
            kind. Of more than 2,000 samples 2,000 are drawn.
        source_head: the source's own classifier: a layer or `keras.Model` on
            the features of the last block (averaged, unless it takes maps),
            whose outputs the labels number.
        seed: seed of what is drawn, and of the folds.
        verbose: 0 shows no progress.

    Returns:
        A `SourceRetention`.

    Raises:
        ValueError: two architectures, fewer than 4 samples, a head whose
            outputs the labels do not fit.

    Example:

    ```python
    before = model.clone()
    fine_tune(model, data)
    kept = source_retention(
        before=before, after=model, source_data=(source_images, source_labels)
    )
    print(kept)
    ```

    Reference:
        Kornblith et al. 2019, Similarity of Neural Network Representations
        Revisited; Davari et al. 2022, Probing Representation Forgetting in
        Supervised and Unsupervised Continual Learning.
    """
    batches = drawn(source_data, "source_data", _MOST, seed)
    if batches.num_samples < 4:
        raise ValueError(
            "CKA needs at least 4 samples. Received: "
            f"{batches.num_samples}. Expected some hundred of the source's."
        )
    old, new = (
        block_features(model, batches, head=source_head, verbose=verbose)
        for model in (before, after)
    )
    _check_alike(old, new)
    outputs = None if old.scores is None else old.scores.shape[-1]
    labels = class_labels(batches, "source_data", outputs)
    return SourceRetention(
        [
            BlockRetention(name, linear_cka(a, b, debiased=True))
            for name, a, b in zip(
                old.names, old.features, new.features, strict=True
            )
        ],
        batches.num_samples,
        *_accuracies(old, new, labels, seed),
        "the source's head" if source_head is not None else "a linear probe",
    )


def _check_alike(old: BlockFeatures, new: BlockFeatures) -> None:
    sizes = [[each.shape[1] for each in found.features] for found in (old, new)]
    if sizes[0] != sizes[1]:
        raise ValueError(
            "Retention compares two models of one architecture, block by "
            f"block. Received: {len(sizes[0])} blocks of widths {sizes[0]} "
            f"and {len(sizes[1])} of {sizes[1]}. Expected the model before "
            "fine-tuning (model.clone()) and the same one after it."
        )


def _accuracies(
    old: BlockFeatures, new: BlockFeatures, labels: np.ndarray | None, seed: int
) -> tuple[np.ndarray | None, np.ndarray | None, np.ndarray | None]:
    """Correct samples before, after, and after with a new probe."""
    if labels is None:
        if old.scores is not None:
            raise ValueError(
                "`source_head` is judged on labels. Received: source_data "
                "without any. Expected (x, y) with the source's classes."
            )
        return None, None, None
    probes = _probed(old.features[-1], new.features[-1], labels, seed)
    if old.scores is None:
        return probes
    with_head = (x.scores.argmax(axis=-1) == labels for x in (old, new))
    return *with_head, probes[-1]


def _probed(
    before: np.ndarray, after: np.ndarray, labels: np.ndarray, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    names, labels = np.unique(labels, return_inverse=True)
    if len(names) < 2:
        raise ValueError(
            "An accuracy needs at least two classes. Received: source_data "
            f"with one, {names[0]!r}. Leave the labels out for CKA alone."
        )
    features = before.astype("float64"), after.astype("float64")
    return tuple(  # type: ignore[return-value]
        out_of_fold(x, labels, others=others, seed=seed).is_right
        for x, others in [
            (features[0], None), features, (features[1], None)
        ]
    )  # fmt: skip
