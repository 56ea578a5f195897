"""How alike two sets of features are: CKA without the bias of small batches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras
import numpy as np
from keras import ops

from keras_transfer._private.types import Nested, Tensor
from keras_transfer.models.matching.paired_features import on_input_of
from keras_transfer.models.matching.taps import (
    TapSimilarity,
    in_inference,
    tapped,
)

if TYPE_CHECKING:
    from keras_transfer.models.matching.paired_features import PairedFeatures
    from keras_transfer.models.matching.pairs import Pair
    from keras_transfer.models.matching.taps import Tap


def debiased_cka(a: Tensor, b: Tensor) -> float:
    """Linear centred kernel alignment, from unbiased estimates.

        HSIC(K, L) = (tr K L + (1'K1)(1'L1) / ((n-1)(n-2))
                      - 2 / (n-2) 1'K L 1) / (n (n-3))
        CKA = HSIC(K, L) / sqrt(HSIC(K, K) HSIC(L, L))

    with the inner products of the samples, the diagonal set to 0, for `K` and
    `L`. With few samples and many features the plain estimate is near 1 for
    anything; this one is near 0 for features that have nothing in common, and
    may be a little below.

    Args:
        a: features, `(samples, ...)`.
        b: other features of the same samples.

    Returns:
        A float, up to 1; `nan` for fewer than 4 samples or constant features.

    Reference:
        Song et al. 2012, Feature Selection via Dependence Maximization;
        Kornblith et al. 2019, Similarity of Neural Network Representations
        Revisited; Nguyen et al. 2021, Do Wide and Deep Networks Learn the
        Same Things?
    """
    if len(a) < 4:
        return float("nan")
    k, m = _gram(a), _gram(b)
    size = _hsic(k, k) * _hsic(m, m)
    return float(_hsic(k, m) / np.sqrt(size)) if size > 0 else float("nan")


def similarities(parts: PairedFeatures, data: Nested) -> list[float]:
    """Returns the debiased CKA of each pair on a batch of inputs.

    Raises:
        ValueError: the source's weights or features are not numbers.
    """
    _check_weights(parts.source)
    _, source, target = parts.run_once(data)
    found = []
    for pair, a, b in zip(parts.pairs, source, target, strict=True):
        a, b = ops.convert_to_numpy(a), ops.convert_to_numpy(b)
        _check_finite(a, pair)
        found.append(debiased_cka(a, b))
    return found


def similarity_of(
    source: keras.Model, target: keras.Model, data: Nested
) -> TapSimilarity:
    """`f(source taps, target taps)`: CKA of all of them on `data`."""

    def similarity(
        source_taps: list[Tap], target_taps: list[Tap]
    ) -> np.ndarray:
        model = on_input_of(target, tapped(source, source_taps))
        theirs = in_inference(model, data)
        mine = in_inference(tapped(target, target_taps), data)[1:]
        theirs, mine = (
            [ops.convert_to_numpy(x) for x in side] for side in (theirs, mine)
        )
        return np.array([[debiased_cka(a, b) for b in mine] for a in theirs])

    return similarity


def _gram(features: Tensor) -> np.ndarray:
    rows = np.asarray(features, "float64").reshape(len(features), -1)
    rows = rows - rows.mean(axis=0)
    gram = rows @ rows.T
    np.fill_diagonal(gram, 0.0)
    return gram


def _hsic(k: np.ndarray, m: np.ndarray) -> float:
    n = len(k)
    sums = k.sum() * m.sum() / ((n - 1) * (n - 2))
    crossed = 2.0 / (n - 2) * (k.sum(axis=0) @ m.sum(axis=0))
    return ((k * m).sum() + sums - crossed) / (n * (n - 3))


def _check_weights(source: keras.Model) -> None:
    # Compiled by XLA, max pooling turns NaN into -infinity and the next ReLU
    # into 0: the features would look like any others.
    for variable in source.weights:
        if not np.isfinite(ops.convert_to_numpy(variable)).all():
            raise ValueError(
                "The source's weights are not all numbers. Received: NaN or "
                f"infinity in '{variable.path}'. Its training went wrong: "
                "give the weights of an earlier epoch."
            )


def _check_finite(features: Tensor, pair: Pair) -> None:
    """Raises if features of the source hold NaN or infinity."""
    bad = ~np.isfinite(np.asarray(features, "float32"))
    if bad.any():
        raise ValueError(
            f"The source's features at '{pair.source.name}' are not all "
            f"numbers. Received: NaN or infinity in {bad.mean():.1%} of them. "
            "Look at its weights and at the range of its input."
        )
