"""Distances to training samples, against a plain loop."""

import sys

import numpy as np
import pytest

pytest.importorskip("sklearn")

from keras_transfer.transferability import (
    unknown_score,
    unknown_score_of_training,
)

pytestmark = pytest.mark.any_backend


def by_loop(train, features, neighbours, *, left_out=False):
    found = []
    for number, x in enumerate(features):
        distances = []
        for other, t in enumerate(train):
            if left_out and other == number:
                continue
            a, b = x / np.sqrt((x**2).sum()), t / np.sqrt((t**2).sum())
            distances.append(np.sqrt(((a - b) ** 2).sum()))
        found.append(np.mean(sorted(distances)[:neighbours]))
    return np.array(found)


@pytest.mark.parametrize("neighbours", [1, 2, 5])
def test_it_is_the_mean_distance_to_the_nearest(rng, neighbours):
    train, new = rng.normal(size=(30, 4)), rng.normal(size=(7, 4))
    np.testing.assert_allclose(
        unknown_score(train=train, features=new, neighbours=neighbours),
        by_loop(train, new, neighbours),
        atol=1e-8,
    )
    np.testing.assert_allclose(
        unknown_score_of_training(train, neighbours=neighbours),
        by_loop(train, train, neighbours, left_out=True),
        atol=1e-7,
    )


def test_by_hand():
    train = np.array([[1.0, 0.0], [0.0, 2.0]])
    new = np.array([[3.0, 0.0], [-1.0, 0.0]])
    found = unknown_score(train=train, features=new, neighbours=1)
    np.testing.assert_allclose(found, [0, np.sqrt(2)], atol=1e-12)
    # More neighbours than there are: all of them.
    found = unknown_score(train=train, features=new, neighbours=9)
    expected = [np.sqrt(2) / 2, (2 + np.sqrt(2)) / 2]
    np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12, 1e200])
def test_the_length_of_features_does_not_count(rng, scale):
    train, new = rng.normal(size=(30, 4)), rng.normal(size=(7, 4))
    np.testing.assert_allclose(
        unknown_score(train=scale * train, features=new / scale),
        unknown_score(train=train, features=new),
        atol=1e-7,
    )


def test_a_table_in_pieces_gives_the_same(rng, monkeypatch):
    module = sys.modules[unknown_score.__module__]
    train = rng.normal(size=(50, 4))
    whole = unknown_score_of_training(train)
    monkeypatch.setattr(module, "_TABLE", 150)
    np.testing.assert_allclose(unknown_score_of_training(train), whole)


def test_another_class_lies_further_away(rng):
    centres = 3 * rng.normal(size=(4, 20))
    y = np.repeat(np.arange(4), 50)
    x = centres[y] + rng.normal(size=(200, 20))
    known = x[y < 3]
    old = unknown_score(train=known[::2], features=known[1::2])
    new = unknown_score(train=known[::2], features=x[y == 3])
    assert np.median(new) > np.quantile(old, 0.95)


def test_half_floats_and_rows_of_zeros(rng):
    train = rng.normal(size=(20, 4)).astype("float16")
    found = unknown_score(train=train, features=np.zeros((2, 4)))
    # Zeros have no direction, and count as at a right angle to all.
    np.testing.assert_allclose(found, np.sqrt(2), atol=1e-6)


@pytest.mark.parametrize(
    ("train", "new", "options", "message"),
    [
        (np.ones((3, 4)), np.ones((2, 5)), {}, "same dimensions"),
        (np.ones((3, 4)), np.full((2, 4), np.nan), {}, "NaN"),
        (np.ones((3, 4)), np.ones((2, 4)), {"neighbours": 0}, "one neighbour"),
        (np.ones((3, 2, 2)), np.ones((2, 4)), {}, "Pool feature maps"),
    ],
)
def test_bad_input_is_named(train, new, options, message):
    with pytest.raises(ValueError, match=message):
        unknown_score(train=train, features=new, **options)


def test_one_training_sample_has_no_others():
    with pytest.raises(ValueError, match="Received: 1 sample"):
        unknown_score_of_training(np.ones((1, 4)))
