"""How alike two sets of features are: CKA without the bias of small batches."""

import numpy as np


def debiased_cka(a, b):
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


def _gram(features):
    rows = np.asarray(features, "float64").reshape(len(features), -1)
    rows = rows - rows.mean(axis=0)
    gram = rows @ rows.T
    np.fill_diagonal(gram, 0.0)
    return gram


def _hsic(k, m):
    n = len(k)
    sums = k.sum() * m.sum() / ((n - 1) * (n - 2))
    crossed = 2.0 / (n - 2) * (k.sum(axis=0) @ m.sum(axis=0))
    return ((k * m).sum() + sums - crossed) / (n * (n - 3))
