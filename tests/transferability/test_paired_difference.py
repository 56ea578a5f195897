"""Differences in pairs, and the intervals of shares and means."""

import numpy as np
import pytest

pytest.importorskip("scipy")

from keras_transfer.transferability.paired_difference import (
    interval_of,
    interval_of_share,
    paired_difference,
)

pytestmark = pytest.mark.any_backend


def answers(only_first, only_second, both=10):
    """Right answers of two models, by who alone is right."""
    first = [1] * only_first + [0] * only_second + [1] * both
    second = [0] * only_first + [1] * only_second + [1] * both
    return first, second


def test_mean_and_error():
    found = paired_difference([3.0, 5.0, 4.0], [1.0, 2.0, 4.0])
    # Differences 2, 3, 0: mean 5/3, variance (1/9 + 16/9 + 25/9) / 2.
    assert found.mean == pytest.approx(5 / 3)
    assert found.error == pytest.approx(np.sqrt(42 / 18 / 3))


@pytest.mark.parametrize(
    ("only_first", "only_second", "is_noise"),
    [(5, 5, True), (4, 0, True), (8, 0, False), (0, 8, False), (12, 6, True)],
)
def test_noise_is_what_mcnemar_says(only_first, only_second, is_noise):
    first, second = answers(only_first, only_second, both=200)
    assert paired_difference(first, second).is_noise == is_noise
    # (|b - c| - 1)^2 / (b + c) against the 95 % point of chi squared.
    b, c = only_first, only_second
    statistic = max(0, abs(b - c) - 1) ** 2 / (b + c)
    assert (statistic < 3.841) == is_noise


def test_what_both_get_right_is_no_noise():
    rng = np.random.default_rng(0)
    first = (rng.uniform(size=400) < 0.6).astype(float)
    second = first.copy()
    second[np.flatnonzero(first)[:12]] = 0
    difference = paired_difference(first, second)
    low, high = interval_of(second)
    assert low < first.mean() < high
    assert not difference.is_noise


def test_equal_scores_are_noise():
    assert paired_difference([1, 0, 1], [1, 0, 1]).is_noise
    assert paired_difference([0.1, 0.2], [0.1, 0.2], are_shares=False).is_noise


@pytest.mark.parametrize("b", [[1.0], [1.0, 2.0, 3.0], [[1.0, 2.0]]])
def test_scores_of_other_samples_are_told(b):
    with pytest.raises(ValueError, match="two scores of each sample"):
        paired_difference([1.0, 2.0], b)


@pytest.mark.parametrize("right", [0, 1, 17, 40])
def test_interval_of_a_share_is_wilsons(right):
    share, z, n = right / 40, 1.959964, 40
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    half *= z / (1 + z**2 / n)
    low, high = interval_of_share(share, n)
    assert low == pytest.approx(centre - half, abs=1e-6)
    assert high == pytest.approx(centre + half, abs=1e-6)
    assert interval_of([1.0] * right + [0.0] * (n - right)) == (low, high)


def test_interval_of_numbers_is_of_the_mean():
    scores = np.array([1.0, 2.0, 3.0, 6.0])
    low, high = interval_of(scores, are_shares=False)
    error = 1.96 * np.sqrt(14 / 3) / 2
    assert (low, high) == pytest.approx((3 - error, 3 + error))
