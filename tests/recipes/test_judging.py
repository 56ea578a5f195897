"""Paired comparison of two models against plain loops."""

import numpy as np
import pytest

pytest.importorskip("scipy")

from keras_transfer.recipes import judging

pytestmark = pytest.mark.any_backend


def logits_for(labels, rng, strength):
    """Scores that name the label more clearly the stronger they are."""
    noise = rng.normal(size=(len(labels), 3))
    return noise + strength * np.eye(3)[labels]


def compared(rng, old, new, num=120):
    labels = np.arange(num) % 3
    return judging.compare(
        "softmax", logits_for(labels, rng, old), logits_for(labels, rng, new),
        labels, groups=np.arange(num) % 4,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "is_worse"), [(2.0, 0.5, True), (0.5, 2.0, False)]
)
def test_worse_by_more_than_an_error(rng, old, new, is_worse):
    found = compared(rng, old, new)
    assert found.is_worse == is_worse
    assert (found.difference > found.error) == is_worse


def test_a_tie_is_no_reason_to_refuse(rng):
    labels = np.arange(90) % 3
    logits = logits_for(labels, rng, 1.0)
    found = judging.compare(
        "softmax", logits, logits, labels, groups=judging.halves(labels)
    )
    assert (found.difference, found.is_worse) == (0.0, False)


def test_the_difference_is_that_of_a_plain_loop(rng):
    labels = np.arange(60) % 3
    sides = [logits_for(labels, rng, s) for s in (1.0, 1.5)]
    groups = np.arange(60) % 3
    found = judging.compare("softmax", *sides, labels, groups=groups)
    losses = np.zeros((2, 60))
    grid = np.exp(np.linspace(np.log(0.5), np.log(20), 3000))
    for side, logits in enumerate(sides):
        for group in range(3):
            others, here = groups != group, groups == group

            def loss(t, rows, logits=logits):
                z = logits[rows] / t
                z = z - np.log(np.exp(z).sum(1, keepdims=True))
                return -z[np.arange(rows.sum()), labels[rows]]

            best = min(grid, key=lambda t: loss(t, others).mean())
            losses[side, here] = loss(best, here)
    d = losses[1] - losses[0]
    assert found.difference == pytest.approx(d.mean(), abs=1e-4)
    assert found.error == pytest.approx(d.std(ddof=1) / 60**0.5, abs=1e-4)


@pytest.mark.parametrize(("num", "is_worse"), [(150, False), (300, True)])
def test_accuracy_counts_from_200_samples_on(num, is_worse):
    """A lower log loss with a lower accuracy, by a few samples."""
    labels = np.zeros(num, int)
    old, new = np.zeros((num, 3)), np.zeros((num, 3))
    old[:, 0], new[:, 0] = 1.0, 4.0
    old[:10, 0], new[:12, 0] = -1.0, -1.0
    found = judging.compare(
        "softmax", old, new, labels, groups=np.arange(num) % 2
    )
    assert found.difference < found.error
    assert found.is_worse == is_worse


def test_weights_count(rng):
    labels = np.arange(40) % 2
    old, new = logits_for(labels, rng, 3.0), logits_for(labels, rng, 6.0)
    new[20:] = logits_for(1 - labels[20:], rng, 3.0)
    options = {"groups": np.arange(40) % 2}
    halves = np.repeat([1.0, 0.0], 20), np.repeat([0.0, 1.0], 20)
    found = [
        judging.compare("softmax", old, new, labels, w, **options).is_worse
        for w in halves
    ]
    assert found == [False, True]


def test_halves_hold_each_class():
    labels = np.array([0, 0, 1, 1, 1, 1, 2, 2])
    groups = judging.halves(labels)
    for label in range(3):
        here = groups[labels == label]
        assert abs(2 * here.sum() - len(here)) <= 1


def test_a_single_sample_says_nothing(rng):
    logits = logits_for(np.array([1]), rng, 1.0)
    found = judging.compare(
        "softmax", logits, -logits, np.array([1]), groups=np.array([0])
    )
    assert found.error == np.inf
    assert not found.is_worse


@pytest.mark.parametrize(("num", "is_drawn"), [(199, True), (200, False)])
def test_the_temperature_of_few_samples_is_drawn(rng, num, is_drawn):
    """Without a mistake the best temperature is the lowest, a half."""
    labels = np.arange(num) % 3
    logits = 3.0 * np.eye(3)[labels] + 0.1 * rng.normal(size=(num, 3))
    groups = judging.halves(labels)

    def compared(prior):
        return judging.compare(
            "softmax", logits, logits, labels, groups=groups, prior=prior
        )

    assert compared(None).temperature == pytest.approx(0.5, abs=1e-3)
    found = compared(4.0)
    expected = 1.0 if is_drawn else 0.5
    assert found.temperature == pytest.approx(expected, abs=1e-3)
    # Its loss is the one at that temperature.
    assert (found.new["val_loss"] > compared(None).new["val_loss"]) == is_drawn
