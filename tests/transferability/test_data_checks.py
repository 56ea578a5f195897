"""Duplicates, labels that are likely wrong, samples unlike all others."""

import sys

import numpy as np
import pytest

pytest.importorskip("sklearn")

from keras_transfer.transferability import (
    equal_samples,
    label_errors,
    near_duplicates,
    outliers,
)
from keras_transfer.transferability.near_duplicates import digest_of

pytestmark = pytest.mark.any_backend


def pairs_by_loops(x, same, ratio):
    """The rule, sample by sample."""
    x = x - x.mean(axis=0)
    n, cosines = len(x), {}
    for i in range(n):
        for j in range(n):
            lengths = np.linalg.norm(x[i]) * np.linalg.norm(x[j])
            cosines[i, j] = x[i] @ x[j] / lengths if i != j else -2
    ranked = [
        sorted(range(n), key=lambda j, i=i: -cosines[i, j]) for i in range(n)
    ]
    found = {}
    for i in range(n):
        for j in range(i + 1, n):
            c = cosines[i, j]
            others = max(cosines[i, ranked[i][1]], cosines[j, ranked[j][1]])
            nearest = ranked[i][0] == j and ranked[j][0] == i
            by_ratio = nearest and c >= 0.5 and 1 - c <= ratio * (1 - others)
            if c >= same or by_ratio:
                found[i, j] = c
    return found


def test_pairs_are_those_of_a_plain_loop(rng, monkeypatch):
    module = sys.modules[near_duplicates.__module__]
    monkeypatch.setattr(module, "_ROWS_A_BLOCK", 7)
    x = rng.normal(size=(40, 33)) * ([3.0] * 5 + [0.3] * 28)
    x[31] = x[4] + 0.4 * rng.normal(size=33)
    x[12] = 1.01 * x[11]
    expected = pairs_by_loops(x, 0.97, 0.5)
    found = near_duplicates(x, same=0.97, ratio=0.5)
    assert {(p.first, p.second) for p in found} == set(expected)
    assert {(4, 31), (11, 12)} <= set(expected)
    for pair in found:
        cosine = expected[pair.first, pair.second]
        assert pair.similarity == pytest.approx(cosine, abs=1e-5)
    values = [p.similarity for p in found]
    assert values == sorted(values, reverse=True)
    few = near_duplicates(x, same=0.97, ratio=0.5, most=2)
    assert few == found[:2]


def test_in_few_dimensions_being_nearer_is_chance(rng):
    x = rng.normal(size=(60, 5))
    assert len(pairs_by_loops(x, 1.1, 0.5)) == 3
    assert near_duplicates(x, same=1.1) == []


def test_equal_features_make_no_pairs():
    assert near_duplicates(np.ones((5, 4))) == []


def test_equal_samples_by_digest(rng):
    images = rng.integers(0, 255, (5, 4, 4, 3)).astype("uint8")
    images[3] = images[1]
    found = equal_samples([digest_of(image) for image in images])
    assert [(p.first, p.second, p.is_exact) for p in found] == [(1, 3, True)]
    # The same bytes in another shape or type are something else.
    zeros = np.zeros((2, 3), "uint8")
    others = [zeros, zeros.T, zeros.astype("int8")]
    assert equal_samples(map(digest_of, others)) == []


def test_label_errors_by_hand():
    p = np.array([[0.9, 0.1], [0.8, 0.2], [0.05, 0.95], [0.2, 0.8], [0.4, 0.6]])
    labels = [0, 0, 0, 1, 0]
    # Threshold of class 1: 0.8, that of its one sample. The last reaches 0.6.
    (found,) = label_errors(p, labels)
    assert (found.sample, found.given, found.suggested) == (2, 0, 1)
    assert found.confidence == pytest.approx(0.05)
    assert label_errors(p, labels, doubted=0.04) == []


def test_flipped_labels_come_first(rng):
    y = np.arange(300) % 3
    truth = np.full((300, 3), 0.02)
    truth[np.arange(300), y] = 0.96
    p = truth + rng.uniform(0, 0.02, (300, 3))
    p /= p.sum(axis=1, keepdims=True)
    flipped = rng.choice(300, 6, replace=False)
    given = y.copy()
    given[flipped] = (y[flipped] + 1) % 3
    found = label_errors(p, given)
    assert {each.sample for each in found} <= set(flipped.tolist())
    assert len(found) >= 3
    assert all(each.suggested == y[each.sample] for each in found)
    assert label_errors(truth, y) == []


def test_label_errors_refuse_what_does_not_fit():
    with pytest.raises(ValueError, match="add up to 1"):
        label_errors([[3.0, 1.0], [0.5, 0.5]], [0, 1])
    with pytest.raises(ValueError, match="one class for each"):
        label_errors([[0.5, 0.5]], [0, 1])
    with pytest.raises(ValueError, match="numbers of the 2 columns"):
        label_errors([[0.5, 0.5], [0.5, 0.5]], [0, 2])


def test_one_sample_far_from_all(rng):
    x = rng.normal(size=(200, 6)) * 0.1
    x[:, 0] += 1.0
    x[100:, 0] -= 2.0
    x[7] = [0, 0, 0, 0, 0, 5]
    numbers, distances = outliers(x)
    assert numbers[0] == 7
    assert distances[0] > 4
    assert len(numbers) < 6
    assert (np.diff(distances) <= 0).all()


def test_one_sample_has_no_neighbours():
    numbers, distances = outliers(np.ones((1, 3)))
    assert len(numbers) == len(distances) == 0
