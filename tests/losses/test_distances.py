"""Each distance against its formula in loops; shapes, weights, gradients."""

import functools

import feature_formulas as formulas
import keras
import numpy as np
import pytest

from keras_transfer import losses
from keras_transfer.losses import (
    DISTANCES,
    FeatureMatchingLoss,
    SmoothedCrossentropy,
)

PER_SAMPLE = ["mse", "cosine", "attention", "gram", "nst", "kl", "dkd"]
COUPLED = ["similarity", "rkd_distance", "rkd_angle", "cka", "mmd", "coral"]
BATCH = 6
# Source and target features that a distance can compare.
SHAPES = {
    "shape": [((3, 2, 4), (3, 2, 4)), ((5, 4), (5, 4)), ((4,), (4,))],
    "space": [((3, 2, 4), (3, 2, 5)), ((5, 4), (5, 3))],
    "channels": [((3, 2, 4), (2, 2, 4)), ((5, 4), (4,))],
    "batch": [((3, 2, 4), (2, 2, 3)), ((5, 4), (6,))],
}


def features(rng, shape):
    return rng.normal(size=(BATCH, *shape)).astype("float32")


def cases():
    for name, kind in DISTANCES.items():
        on_logits = not kind._takes_any_scale
        shapes = [((5,), (5,))] if on_logits else SHAPES[kind.agree]
        for pair in shapes:
            yield pytest.param(name, *pair, id=f"{name}-{pair}")


def test_all_are_there():
    assert [*PER_SAMPLE, *COUPLED] == list(DISTANCES)


@pytest.mark.parametrize(("name", "source", "target"), list(cases()))
def test_formula(name, source, target, rng):
    s, t = features(rng, source), features(rng, target)
    expected = getattr(formulas, name)(s.astype("float64"), t.astype("float64"))
    loss = DISTANCES[name](reduction=None)
    found = keras.ops.convert_to_numpy(loss(s, t))
    assert found.shape == ((BATCH,) if name in PER_SAMPLE else ())
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    mean = float(DISTANCES[name]()(s, t))
    assert mean == pytest.approx(np.mean(expected), rel=1e-5, abs=1e-5)


def test_angles_of_twins_and_far_from_the_origin(rng):
    """The angles come from products of samples, which round."""
    s, t = features(rng, (3, 4)) + 30, features(rng, (5,))
    s[1], t[2] = s[0], t[0]
    expected = formulas.rkd_angle(s.astype("float64"), t.astype("float64"))
    found = float(losses.RelationalAngleLoss()(s, t))
    assert found == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("name", DISTANCES)
def test_equal_features_are_at_no_distance(name, rng):
    shape = (5,) if not DISTANCES[name]._takes_any_scale else (3, 2, 4)
    x = features(rng, shape)
    assert float(DISTANCES[name]()(x, x)) == pytest.approx(0, abs=2e-6)


def gradient(function, x):
    """The gradient on whatever backend runs, `None` if there is none."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        x = tf.convert_to_tensor(x)
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = function(x)
        return tape.gradient(value, x)
    if backend == "jax":
        import jax

        return jax.grad(function)(x)
    import torch

    x = torch.tensor(x, requires_grad=True)
    value = function(x)
    if not value.requires_grad:
        return None
    return torch.autograd.grad(value, x, allow_unused=True)[0]


@pytest.mark.parametrize("name", DISTANCES)
def test_gradient(name, rng):
    shape = (5,) if not DISTANCES[name]._takes_any_scale else (3, 2, 4)
    s, t = features(rng, shape), features(rng, shape)
    loss = DISTANCES[name]()
    formula = getattr(formulas, name)
    if name == "mmd":
        # In which nothing trains.
        fixed = formulas.bandwidth_of(s, t)
        formula = functools.partial(formula, bandwidth=fixed)
    found = np.asarray(gradient(lambda x: loss(s, x), t))
    # Two numbers of it by differences, in double precision.
    for index in [(0,) * t.ndim, (2, *(n - 1 for n in shape))]:
        step = np.zeros(t.shape)
        step[index] = 1e-5
        up, down = (
            np.mean(formula(s.astype("float64"), t + sign * step))
            for sign in (1, -1)
        )
        expected = (up - down) / 2e-5
        assert found[index] == pytest.approx(expected, rel=1e-3, abs=1e-5)


@pytest.mark.parametrize("name", ["mse", "kl", "cka"])
def test_nothing_flows_into_the_source(name, rng):
    s, t = features(rng, (5,)), features(rng, (5,))
    loss = DISTANCES[name]()
    found = gradient(lambda x: loss(x, t), s)
    assert found is None or not np.asarray(found).any()


@pytest.mark.parametrize("name", [*DISTANCES])
def test_gradient_at_zero_is_a_number(name, rng):
    shape = (5,) if not DISTANCES[name]._takes_any_scale else (3, 2, 4)
    s = features(rng, shape)
    s[1] = s[0]
    loss = FeatureMatchingLoss(name)
    for t in (s, np.zeros_like(s)):
        found = np.asarray(gradient(lambda x: loss(s, x), t.copy()))
        assert np.isfinite(found).all()


@pytest.mark.parametrize("name", PER_SAMPLE)
def test_sample_weights_and_reductions(name, rng):
    shape = (5,) if name in ("kl", "dkd") else (3, 2, 4)
    s, t = features(rng, shape), features(rng, shape)
    weights = np.arange(BATCH, dtype="float32")
    each = np.array(getattr(formulas, name)(s, t))
    for reduction, expected in {
        "sum": (each * weights).sum(),
        "sum_over_batch_size": (each * weights).mean(),
        "mean_with_sample_weight": (each * weights).sum() / weights.sum(),
        None: each * weights,
    }.items():
        loss = FeatureMatchingLoss(name, normalize=False, reduction=reduction)
        found = keras.ops.convert_to_numpy(loss(s, t, weights))
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", COUPLED)
def test_a_distance_of_batches_takes_one_weight_at_most(name, rng):
    s, t = features(rng, (4,)), features(rng, (4,))
    for loss in (DISTANCES[name](), FeatureMatchingLoss(name, normalize=False)):
        plain = float(loss(s, t))
        doubled = float(loss(s, t, np.full(BATCH, 2.0)))
        assert doubled == pytest.approx(2 * plain, rel=1e-6)
        with pytest.raises(ValueError, match="weights from 0 to 5"):
            loss(s, t, np.arange(BATCH))


@pytest.mark.parametrize("name", DISTANCES)
def test_shapes_that_only_broadcast_are_refused(name, rng):
    wrong = {
        "shape": ((3, 2, 4), (3, 2, 1)),
        "space": ((3, 2, 4), (3, 1, 4)),
        "channels": ((3, 2, 4), (3, 2, 1)),
        "batch": ((4,), ()),
    }[DISTANCES[name].agree]
    s, t = (features(rng, shape) for shape in wrong)
    with pytest.raises(ValueError, match=DISTANCES[name]().name):
        DISTANCES[name]()(s, t)


def test_decoupled_with_labels(rng):
    s, t = features(rng, (5,)), features(rng, (5,))
    labels = np.array([0, 1, 2, 3, 4, 0])
    loss = losses.DecoupledLoss(alpha=0.5, beta=2.0, temperature=3.0)
    found = float(loss((s, labels), t))
    expected = formulas.dkd(s, t, labels, 0.5, 2.0, 3.0)
    assert found == pytest.approx(np.mean(expected), rel=1e-5)


def test_the_two_halves_make_soft_targets(rng):
    s, t = features(rng, (5,)), features(rng, (5,))
    p = np.array([max(formulas.softmax(u)) for u in s])
    halves = [
        np.array(formulas.dkd(s, t, None, alpha, beta, 1.0))
        for alpha, beta in ((1.0, 0.0), (0.0, 1.0))
    ]
    together = halves[0] + (1 - p) * halves[1]
    np.testing.assert_allclose(together, formulas.kl(s, t, 1.0), rtol=1e-6)


def test_one_scale(rng):
    s, t = features(rng, (3, 2, 4)), features(rng, (3, 2, 4))
    loss = FeatureMatchingLoss("mse")
    assert float(loss(s, 7 * s + 3)) == pytest.approx(0, abs=1e-5)
    assert float(loss(s, t)) == pytest.approx(float(loss(100 * s, t)), rel=1e-4)
    logits = FeatureMatchingLoss("kl")
    assert float(logits(s[:, 0, 0], t[:, 0, 0])) == pytest.approx(
        np.mean(formulas.kl(s[:, 0, 0], t[:, 0, 0])), rel=1e-5
    )


def test_half_precision_is_computed_in_float32(rng):
    s = 1e3 * features(rng, (3, 2, 4))
    half = keras.ops.cast(s, "float16")
    for name in ("mse", "gram", "similarity"):
        value = float(FeatureMatchingLoss(name, normalize=False)(half, -half))
        assert np.isfinite(value)


@pytest.mark.parametrize("name", DISTANCES)
def test_round_trip(name):
    loss = FeatureMatchingLoss(name, normalize=False, name="other")
    config = keras.saving.serialize_keras_object(loss)
    back = keras.saving.deserialize_keras_object(config)
    assert back.get_config() == loss.get_config()
    assert type(back.distance) is DISTANCES[name]
    assert not back.normalize


def test_arguments_of_a_distance_are_kept():
    loss = FeatureMatchingLoss(losses.SoftTargetLoss(temperature=2.0))
    back = FeatureMatchingLoss.from_config(loss.get_config())
    assert back.distance.temperature == 2.0


@pytest.mark.parametrize("wrong", ["euclid", None, 3])
def test_an_unknown_distance(wrong):
    with pytest.raises(ValueError, match="'attention'"):
        FeatureMatchingLoss(wrong)


@pytest.mark.parametrize("wrong", [0, -1, "hot", float("inf")])
def test_a_temperature_that_is_none(wrong):
    with pytest.raises(ValueError, match="temperature"):
        losses.SoftTargetLoss(temperature=wrong)


@pytest.mark.parametrize("amount", [0.0, 0.1, 0.5])
def test_smoothed_labels_are_those_of_keras(amount, rng):
    scores = rng.dirichlet(np.ones(4), size=BATCH).astype("float32")
    labels = rng.integers(0, 4, BATCH)
    expected = keras.losses.CategoricalCrossentropy(label_smoothing=amount)(
        keras.ops.one_hot(labels, 4), scores
    )
    found = SmoothedCrossentropy(amount)(labels, scores)
    assert float(found) == pytest.approx(float(expected), rel=1e-5)
    again = SmoothedCrossentropy.from_config(
        SmoothedCrossentropy(amount).get_config()
    )
    assert again.amount == amount


@pytest.mark.parametrize("amount", [-0.1, 1.0])
def test_an_amount_of_smoothing_that_is_none(amount):
    with pytest.raises(ValueError, match="from 0 up to but not 1"):
        SmoothedCrossentropy(amount)
