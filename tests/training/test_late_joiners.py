"""Variables that join late have a step counter of their own."""

import keras
import numpy as np
import pytest
from toy_training import Toy, gradients

import keras_transfer as kt

O = keras.optimizers  # noqa: E741
STEPS = 60


# Variable 0 trains from step 20 to 30 and from step 40 on, variable 1 from
# step 10 on, the head always.
WINDOWS = [
    lambda step: 20 <= step < 30 or step >= 40,
    lambda step: step >= 10,
    lambda step: True,
]


def train_in_windows(toy):
    for step in range(STEPS):
        active = [i for i, trains in enumerate(WINDOWS) if trains(step)]
        if [toy.variables[i] for i in active] != toy.active:
            toy.follow(active)
        all_gradients = gradients(step)
        toy.step([all_gradients[i] for i in active])
    return toy.values()


def adam_with_own_counters(rate, weight_decay, factors):
    """Plain NumPy: each variable with its own slots and its own counter."""
    beta_1, beta_2, epsilon = 0.9, 0.999, 1e-7
    results = []
    for index, trains in enumerate(WINDOWS):
        w = np.full((2, 2), 1.0 + index)
        m, v, own = np.zeros((2, 2)), np.zeros((2, 2)), 0
        alpha = rate * factors[index]
        for step in range(STEPS):
            if not trains(step):
                continue
            own += 1
            g = gradients(step)[index].astype("float64")
            w = w - alpha * weight_decay * w
            m = beta_1 * m + (1 - beta_1) * g
            v = beta_2 * v + (1 - beta_2) * g**2
            corrected = alpha * np.sqrt(1 - beta_2**own) / (1 - beta_1**own)
            w = w - corrected * m / (np.sqrt(v) + epsilon)
        results.append(w)
    return results


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
@pytest.mark.parametrize("decay", [None, 0.5])
def test_late_joiners_have_a_step_counter_of_their_own(weight_decay, decay):
    inner = (
        O.AdamW(0.01, weight_decay=weight_decay)
        if weight_decay
        else O.Adam(0.01)
    )
    values = train_in_windows(Toy(kt.LayerwiseOptimizer(inner, decay)))
    factors = [0.25, 0.5, 1.0] if decay else [1.0, 1.0, 1.0]
    expected = adam_with_own_counters(0.01, weight_decay, factors)
    for a, b in zip(values, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-6)


def first_steps(make, correct, joins_at=200):
    """Steps of a variable that joins late, over those of a new optimizer."""
    toy = Toy(kt.LayerwiseOptimizer(make(), None, None, correct))
    toy.follow([1, 2])
    for number in range(joins_at):
        toy.step(gradients(number)[1:])
    toy.follow([0, 1, 2])
    fresh = Toy(make())
    ratios = []
    for number in range(joins_at, joins_at + 8):
        before, begun = toy.values()[0], fresh.values()[0]
        toy.step(gradients(number))
        fresh.step(gradients(number))
        ratios.append(
            np.abs(toy.values()[0] - before).mean()
            / np.abs(fresh.values()[0] - begun).mean()
        )
    return np.array(ratios)


def test_how_late_joiners_step():
    """As documented: Adam to rounding, Nadam near, without correction not."""
    adam = first_steps(lambda: O.Adam(0.01), True)
    np.testing.assert_allclose(adam, 1.0, rtol=1e-3)
    adamax = first_steps(lambda: O.Adamax(0.01), True)
    np.testing.assert_allclose(adamax, 1.0, rtol=1e-3)
    nadam = first_steps(lambda: O.Nadam(0.01), True)
    np.testing.assert_allclose(nadam, 1.0, atol=0.35)
    for make in (lambda: O.Adam(0.01), lambda: O.Nadam(0.01)):
        stock = first_steps(make, False)
        assert stock.max() > 1.9
        assert (
            np.abs(stock - 1).max()
            > 2 * np.abs(first_steps(make, True) - 1).max()
        )
