"""Learning curves: known ones are found, and few errors leave a wide one."""

import numpy as np
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("scipy")

from keras_transfer.transferability import (
    fit_learning_curve,
    probe_learning_curve,
)

pytestmark = pytest.mark.any_backend
SIZES = np.array([50, 100, 200, 400])


def noisy(rng, a, b, g, draws=3, noise=0.003):
    errors = a + b * SIZES.astype(float) ** g
    return errors + noise * rng.normal(size=(draws, len(SIZES)))


@pytest.mark.parametrize(
    ("a", "b", "g"), [(0.05, 2.0, -0.5), (0.2, 1.5, -0.6), (0.0, 1.0, -0.3)]
)
def test_known_curves_are_found(rng, a, b, g):
    curve = fit_learning_curve(SIZES, noisy(rng, a, b, g, draws=20))
    for n in (400, 800, 1600):
        truth = a + b * n**g
        assert curve.predict(n) == pytest.approx(truth, abs=0.012)
        low, high = curve.interval(n)
        assert low <= truth <= high


def test_without_noise_the_power_is_pulled_no_further_than_it_bends():
    errors = np.tile(0.1 + 2.0 * SIZES**-0.5, (2, 1))
    curve = fit_learning_curve(SIZES, errors)
    assert curve.power == pytest.approx(-0.5, abs=0.02)
    assert curve.asymptote == pytest.approx(0.1, abs=0.01)


def test_the_fit_is_the_best_of_a_plain_search(rng):
    """A plain loop over a, b and g finds nothing that is lower."""
    errors = noisy(rng, 0.1, 1.5, -0.4, draws=4, noise=0.01)
    curve = fit_learning_curve(SIZES, errors)
    deviations = errors.var(axis=0, ddof=1)
    from scipy.optimize import nnls

    terms = np.stack([np.ones(4), 50 / SIZES], axis=1)
    variances = np.maximum(terms @ nnls(terms, deviations)[0] / 4, 1e-6)

    def loss(a, b, g):
        residuals = errors.mean(axis=0) - a - b * SIZES**g
        return (residuals**2 / variances).sum() + ((g + 0.5) / 0.2) ** 2

    ours = loss(curve.asymptote, curve.factor, curve.power)
    for a in np.linspace(0, 0.3, 31):
        for b in np.linspace(0.2, 4, 39):
            for g in np.linspace(-0.9, -0.1, 17):
                assert ours <= loss(a, b, g) + 0.05


def test_few_errors_leave_a_wider_interval(rng):
    narrow = fit_learning_curve(SIZES, noisy(rng, 0.1, 2, -0.5, 20, 0.02))
    wide = fit_learning_curve(SIZES, noisy(rng, 0.1, 2, -0.5, 2, 0.02))
    tested = fit_learning_curve(
        SIZES, noisy(rng, 0.1, 2, -0.5, 20, 0.02), num_tested=60
    )

    def width(curve, n=1600):
        low, high = curve.interval(n)
        return high - low

    assert width(narrow) < width(wide)
    assert width(narrow) < 0.5 * width(tested)
    assert width(narrow, 400) < width(narrow, 1600)


def test_samples_for_a_gain_by_hand():
    errors = np.tile(0.0 + 2.0 * SIZES**-0.5, (2, 1))
    curve = fit_learning_curve(SIZES, errors)
    # 2 / sqrt(400) = 0.1; 0.09 needs (2 / 0.09)^2 = 494 samples.
    assert curve.samples_for(0.01) == pytest.approx(94, abs=3)
    assert curve.furthest == 1600
    # 0.05 needs 1,600 samples, which is as far as it goes; 0.02 needs 10,000.
    assert curve.samples_for(0.08) is None
    assert curve.samples_for(0.01, num_samples=1600) is None
    fine = fit_learning_curve(SIZES, errors, kind="fine-tuned")
    assert fine.furthest == 800


def test_a_flat_curve_needs_more_than_it_can_say():
    curve = fit_learning_curve(SIZES, np.full((3, 4), 0.2))
    assert curve.predict(1000) == pytest.approx(0.2, abs=1e-6)
    assert curve.samples_for(0.01) is None


@pytest.mark.parametrize(
    ("sizes", "errors", "options", "message"),
    [
        ([10, 20], [[0.5, 0.4]], {}, "3 numbers of samples"),
        ([10, 10, 20], [[0.5, 0.4, 0.3]], {}, "increasing"),
        ([10, 20, 40], [[0.5, 0.4]], {}, "one for each size"),
        ([10, 20, 40], [[50, 40, 30]], {}, "Divide percents by 100"),
        ([10, 20, 40], [[0.5, np.nan, 0.3]], {}, "from 0 to 1"),
        ([10, 20, 40], [[0.5, 0.4, 0.3]], {"kind": "x"}, "'probe'"),
    ],
)
def test_what_does_not_fit_is_told(sizes, errors, options, message):
    with pytest.raises(ValueError, match=message):
        fit_learning_curve(sizes, errors, **options)


def clusters(rng, number, noise=2.0):
    y = np.arange(number) % 3
    centres = 2.0 * np.eye(3, 8)
    return centres[y] + noise * rng.normal(size=(number, 8)), y


def test_a_probe_s_curve_predicts_more_samples(rng):
    from keras_transfer.transferability.linear_probe import fit_linear_probe

    x, y = clusters(rng, 240)
    curve = probe_learning_curve(x, y)
    assert curve.sizes.tolist() == [24, 48, 96, 192]
    assert (np.diff(curve.errors) < 0).sum() >= 2
    new_x, new_y = clusters(rng, 3000)
    more, labels = clusters(rng, 960)
    probe = fit_linear_probe(
        "softmax", (more.astype("float32"), labels), None, 3
    )
    found = (new_x @ probe.kernel + probe.bias).argmax(axis=1)
    low, high = curve.interval(960)
    assert low <= np.mean(found != new_y) <= high
    again = probe_learning_curve(x, y)
    assert again.interval(960) == (low, high)


def test_too_few_samples_have_no_curve(rng):
    assert probe_learning_curve(*clusters(rng, 12)) is None
    x, y = clusters(rng, 61)
    y[:] = 0
    y[0] = 1
    assert probe_learning_curve(x, y) is None
