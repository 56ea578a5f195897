"""The probe is the minimum it says it is, and validation picks among them."""

import numpy as np
import pytest

pytest.importorskip("sklearn")

from keras_transfer.probe import solve


def clouds(rng, num_classes, samples=40, features=6, spread=1.0):
    centres = rng.normal(size=(num_classes, features)) * 2
    y = np.arange(samples * num_classes) % num_classes
    return centres[y] + rng.normal(size=(len(y), features)) * spread, y


def penalised_loss(kernel, bias, x, y, strength):
    scale = np.sqrt(np.var(x, axis=0).mean())
    logits = x @ kernel + bias
    log_sum = np.log(np.exp(logits).sum(axis=1))
    losses = log_sum - logits[np.arange(len(y)), y]
    return losses.sum() + np.sum((kernel * scale) ** 2) / (2 * strength)


@pytest.mark.parametrize("num_classes", [2, 4])
def test_no_neighbour_of_the_solution_has_a_lower_loss(rng, num_classes):
    x, y = clouds(rng, num_classes)
    probe = solve("softmax", (x, y), None, num_classes)
    assert probe.best["strength"] == 0.03
    at = penalised_loss(probe.kernel, probe.bias, x, y, 0.03)
    for _ in range(50):
        step = rng.normal(size=probe.kernel.shape) * 0.05
        shift = rng.normal(size=num_classes) * 0.05
        near = penalised_loss(
            probe.kernel + step, probe.bias + shift, x, y, 0.03
        )
        assert near > at


def test_validation_picks_the_strength(rng):
    x, y = clouds(rng, 3, spread=6.0)
    train, validation = (x[:60], y[:60]), (x[60:], y[60:])
    probe = solve("softmax", train, validation, 3)
    losses = [row["val_loss"] for row in probe.rows]
    assert len(losses) == 8
    assert probe.best["val_loss"] == min(losses)
    logits = validation[0] @ probe.kernel + probe.bias
    accuracy = np.mean(logits.argmax(axis=1) == validation[1])
    assert probe.best["val_accuracy"] == accuracy


def test_a_class_without_samples_is_never_predicted(rng):
    x, y = clouds(rng, 2)
    probe = solve("softmax", (x, y), None, 4)
    logits = x @ probe.kernel + probe.bias
    assert set(logits.argmax(axis=1)) <= {0, 1}
    assert probe.kernel.shape == (6, 4)


def test_weights_count_as_repetitions(rng):
    x, y = clouds(rng, 3, samples=10)
    weights = np.ones(len(y))
    weights[:5] = 2
    twice = np.concatenate([x, x[:5]]), np.concatenate([y, y[:5]])
    scale = np.sqrt(np.var(x, axis=0).mean())
    scale_twice = np.sqrt(np.var(twice[0], axis=0).mean())
    a = solve("softmax", (x, y, weights), None, 3, strengths=(0.03,))
    b = solve(
        "softmax",
        twice,
        None,
        3,
        strengths=(0.03 * (scale_twice / scale) ** 2,),
    )
    np.testing.assert_allclose(a.kernel, b.kernel, rtol=0.1, atol=0.02)
