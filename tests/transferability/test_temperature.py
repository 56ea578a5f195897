"""Temperatures: the minimum, found; and logits that come back."""

import numpy as np
import pytest

pytest.importorskip("scipy")

from keras_transfer.transferability import temperature

pytestmark = pytest.mark.any_backend


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("kind", ["softmax", "sigmoid"])
def test_the_temperature_has_the_lowest_loss_of_a_fine_grid(kind, rng):
    logits = rng.normal(0, 6, (200, 3))
    if kind == "softmax":
        labels = np.array([rng.choice(3, p=p) for p in softmax(logits / 3)])
    else:
        labels = rng.uniform(size=(200, 3)) < 1 / (1 + np.exp(-logits / 3))

    def loss(t):
        z = logits / t
        if kind == "softmax":
            return -np.log(softmax(z)[np.arange(200), labels]).mean()
        p = 1 / (1 + np.exp(-z))
        return -np.where(labels, np.log(p), np.log(1 - p)).mean()

    grid = np.exp(np.linspace(-1, 3, 400))
    expected = grid[np.argmin([loss(t) for t in grid])]
    found = temperature.best_temperature(kind, logits, labels)
    assert found == pytest.approx(expected, rel=0.02)


def test_logits_come_back(rng):
    z = rng.normal(0, 3, (5, 4))
    back = temperature.logits_of("softmax", softmax(z))
    np.testing.assert_allclose(softmax(back), softmax(z))
    p = 1 / (1 + np.exp(-z))
    np.testing.assert_allclose(
        temperature.logits_of("sigmoid", p), z, rtol=1e-6
    )


@pytest.mark.parametrize(
    ("found", "prior", "number", "expected"),
    [
        (0.5, 2.0, 100, 1.0),  # their geometric mean
        (4.0, 1.0, 100, 2.0),
        (0.5, 1.0, 20, 1.0),  # never surer than it is
        (0.5, 1.0, 200, 0.5),  # enough samples speak for themselves
        (3.0, 1.5, 0, 1.5),
    ],
)
def test_few_samples_are_drawn_towards_what_is_known(
    found, prior, number, expected
):
    drawn = temperature.drawn_towards(prior, found, number)
    assert drawn == pytest.approx(expected)
