"""The probe is the minimum it says it is, and validation picks among them."""

import numpy as np
import pytest

pytest.importorskip("sklearn")

from keras_transfer.transferability.linear_probe import (
    fit_linear_probe as solve,
)

pytestmark = pytest.mark.any_backend


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


def test_more_features_than_samples_have_the_same_minimum(rng):
    x, y = clouds(rng, 3, samples=6, features=40)
    probe = solve("softmax", (x, y), None, 3)
    assert probe.kernel.shape == (40, 3)
    at = penalised_loss(probe.kernel, probe.bias, x, y, 0.03)
    for _ in range(50):
        step = rng.normal(size=probe.kernel.shape) * 0.01
        near = penalised_loss(probe.kernel + step, probe.bias, x, y, 0.03)
        assert near > at


def test_one_strength_is_taken_without_anything_to_pick_it_by(rng):
    x, y = clouds(rng, 3)
    probe = solve("softmax", (x, y), None, 3, strengths=(1e-3,))
    assert probe.best["strength"] == 1e-3
    at = penalised_loss(probe.kernel, probe.bias, x, y, 1e-3)
    for _ in range(50):
        step = rng.normal(size=probe.kernel.shape) * 0.01
        near = penalised_loss(probe.kernel + step, probe.bias, x, y, 1e-3)
        assert near > at


def test_the_search_ends_where_it_gets_worse(rng):
    x, y = clouds(rng, 3, samples=4, features=30, spread=8.0)
    other, labels = clouds(rng, 3, spread=8.0, features=30)
    rows = solve("softmax", (x, y), (other, labels), 3).rows
    losses = [row["val_loss"] for row in rows]
    assert len(rows) == int(np.argmin(losses)) + 3 < 7
    strengths = [row["strength"] for row in rows]
    assert strengths == sorted(strengths)


def test_validation_picks_the_strength(rng):
    x, y = clouds(rng, 3, spread=6.0)
    train, validation = (x[:60], y[:60]), (x[60:], y[60:])
    probe = solve("softmax", train, validation, 3)
    losses = [row["val_loss"] for row in probe.rows]
    assert len(losses) == 7
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


def test_labels_are_solved_each_on_its_own(rng):
    from sklearn.linear_model import LogisticRegression

    x = rng.normal(size=(80, 5))
    y = (x[:, :3] + rng.normal(size=(80, 3)) > 0).astype("float32")
    y[:, 2] = 1.0
    probe = solve("sigmoid", (x, y), None, 3)
    scale = 1 / np.sqrt(np.var(x, axis=0).mean())
    for label in (0, 1):
        alone = LogisticRegression(C=0.03).fit(x * scale, y[:, label])
        np.testing.assert_allclose(
            probe.kernel[:, label], alone.coef_[0] * scale, atol=1e-3
        )
    assert probe.bias[2] == 30.0 and not probe.kernel[:, 2].any()
    logits = x @ probe.kernel + probe.bias
    p = 1 / (1 + np.exp(-logits))
    by_hand = -np.mean(
        y * np.log(p) + (1 - y) * np.log1p(-np.minimum(p, 1 - 1e-16))
    )
    assert probe.best["loss"] == pytest.approx(by_hand, rel=1e-6)


def test_weights_of_labels_and_numbers_are_those_of_the_formulas(rng):
    from sklearn.linear_model import LogisticRegression

    x, weights = rng.normal(size=(30, 3)), rng.uniform(0.1, 5.0, 30)
    numbers = x @ rng.normal(size=(3, 1)) + rng.normal(size=(30, 1))
    scale = 1 / np.sqrt(np.var(x, axis=0).mean())

    # Weighted means off, then (X'WX + I / C) k = X'Wy on scaled samples.
    spread, total = numbers.std(), weights.sum()
    rows = scale * (x - weights @ x / total)
    target = (numbers - weights @ numbers / total) / spread
    left = rows.T @ (weights[:, None] * rows) + np.eye(3) / 0.5
    by_hand = np.linalg.solve(left, rows.T @ (weights[:, None] * target))
    ridge, plain = (
        solve("linear", (x, numbers, *w), None, 1, strengths=(0.5,))
        for w in ([weights], [])
    )
    np.testing.assert_allclose(ridge.kernel, by_hand * scale * spread)
    assert not np.allclose(ridge.kernel, plain.kernel, rtol=1e-3)

    labels = numbers > 0
    alone = LogisticRegression(C=0.5).fit(x * scale, labels[:, 0], weights)
    found = solve("sigmoid", (x, labels, weights), None, 1, strengths=(0.5,))
    np.testing.assert_allclose(
        found.kernel, alone.coef_.T * scale, rtol=1e-3, atol=1e-3
    )


def test_numbers_are_solved_by_ridge_regression(rng):
    x = rng.normal(size=(60, 4))
    y = x @ rng.normal(size=(4, 2)) * (100.0, 0.01) + (7.0, -3.0)
    probe = solve("linear", (x, y), (x, y), 2, strengths=(0.01, 100.0))
    assert probe.best["strength"] == 100.0
    errors = x @ probe.kernel + probe.bias - y
    np.testing.assert_allclose(errors / y.std(axis=0), 0, atol=0.01)
    assert probe.best["loss"] == pytest.approx(np.mean(errors**2))
    at = _ridge_loss(probe, x, y, 100.0)
    for _ in range(20):
        near = probe.kernel + rng.normal(size=(4, 2)) * y.std(axis=0) * 0.01
        moved = type(probe)(near, probe.bias, [], {})
        assert _ridge_loss(moved, x, y, 100.0) > at


def _ridge_loss(probe, x, y, strength):
    """The documented sum for targets of variance one."""
    spread = y.std(axis=0)
    scale = np.sqrt(np.var(x, axis=0).mean())
    errors = (x @ probe.kernel + probe.bias - y) / spread
    norm = np.sum((probe.kernel * scale / spread) ** 2)
    return np.sum(errors**2) / 2 + norm / (2 * strength)


def test_cross_validation_picks_the_strength_and_fits_all_samples(rng):
    x, y = clouds(rng, 3, spread=6.0)
    rows = np.arange(len(y))
    folds = [(rows[rows % 4 != k], rows[rows % 4 == k]) for k in range(4)]
    probe = solve("softmax", (x, y), None, 3, folds=folds)
    by_hand = {}
    for strength in [row["strength"] for row in probe.rows]:
        losses = []
        for stay, out in folds:
            part = x[stay], y[stay]
            held_out = x[out], y[out]
            found = solve("softmax", part, held_out, 3, strengths=(strength,))
            losses += [found.best["val_loss"]] * len(out)
        by_hand[strength] = np.mean(losses)
    assert probe.best["strength"] == min(by_hand, key=by_hand.get)
    for row in probe.rows:
        expected = by_hand[row["strength"]]
        assert row["val_loss"] == pytest.approx(expected, rel=1e-3)
    labels = (x @ probe.kernel + probe.bias).argmax(axis=1)
    assert probe.best["accuracy"] == np.mean(labels == y)
