import numpy as np
import pytest

from keras_transfer.data.sampling import (
    epoch_order,
    few_shot,
    train_validation_split,
)

pytestmark = pytest.mark.any_backend

# 60 samples: 30 of class 0, 20 of class 1, 10 of class 2.
LABELS = np.repeat([0, 1, 2], [30, 20, 10])


def test_order_is_a_permutation_of_int64():
    order = epoch_order(seed=3, epoch=2, num_samples=50)
    assert order.dtype == np.int64
    assert sorted(order) == list(range(50))


def test_order_depends_on_seed_and_epoch_alone():
    order = epoch_order(0, 1, 100)
    np.random.seed(99)
    assert np.array_equal(order, epoch_order(0, 1, 100))
    assert not np.array_equal(order, epoch_order(0, 2, 100))
    assert not np.array_equal(order, epoch_order(1, 1, 100))


def test_order_stays_as_released():
    # A changed order would break the resume of a run begun before.
    assert epoch_order(0, 0, 8).tolist() == [2, 4, 3, 6, 5, 0, 1, 7]
    assert epoch_order(0, 1, 8).tolist() == [1, 3, 7, 6, 0, 4, 2, 5]


def test_unshuffled_order_is_the_same_in_every_epoch():
    assert epoch_order(5, 7, 4, shuffle=False).tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("seed", range(5))
def test_split_keeps_class_proportions(seed):
    stay, held = train_validation_split(LABELS, 0.2, seed)
    assert np.bincount(LABELS[held]).tolist() == [6, 4, 2]
    assert sorted([*stay, *held]) == list(range(60))


def test_split_rounds_by_largest_remainder():
    # Quotas 0.25 * (7, 5, 4) = 1.75, 1.25, 1 and a total of 4.
    labels = np.repeat([0, 1, 2], [7, 5, 4])
    _, held = train_validation_split(labels, 0.25, seed=0)
    assert np.bincount(labels[held]).tolist() == [2, 1, 1]


def test_split_depends_on_the_seed():
    first, same, other = (
        train_validation_split(LABELS, 0.5, seed)[1] for seed in (0, 0, 1)
    )
    assert np.array_equal(first, same)
    assert not np.array_equal(first, other)


def test_a_class_never_leaves_the_first_part():
    stay, held = train_validation_split([0, 0, 1, 1, 2], 0.8, seed=0)
    assert {0, 1, 2} == set(np.array([0, 0, 1, 1, 2])[stay])
    assert 4 in stay
    assert len(held) == 2


@pytest.mark.parametrize(
    "labels",
    [np.linspace(0, 1, 50), np.linspace(0, 1, 100).reshape(50, 2)],
    ids=["one target", "two targets"],
)
def test_continuous_targets_split_at_random(labels):
    stay, held = train_validation_split(labels, 0.3, seed=0)
    assert len(held) == 15
    assert len(stay) == 35
    assert held.tolist() != list(range(15))


def test_multi_hot_rows_split_by_their_combination():
    rows = np.repeat([[1, 0], [1, 1]], [20, 10], axis=0)
    _, held = train_validation_split(rows, 0.2, seed=0)
    assert rows[held].sum(axis=0).tolist() == [6, 2]


def test_fraction_zero_holds_out_nothing():
    stay, held = train_validation_split(LABELS, 0.0)
    assert len(stay) == 60
    assert len(held) == 0


@pytest.mark.parametrize("fraction", [-0.1, 1.0, 20])
def test_fraction_outside_is_refused(fraction):
    with pytest.raises(ValueError, match=r"Received: .*Pass 0\.2"):
        train_validation_split(LABELS, fraction)


def test_few_shot_draws_the_same_number_of_each_class():
    drawn = few_shot(LABELS, 5, seed=1)
    assert np.bincount(LABELS[drawn]).tolist() == [5, 5, 5]
    assert drawn.tolist() == sorted(set(drawn.tolist()))


def test_fewer_shots_are_a_subset_of_more():
    five, ten = few_shot(LABELS, 5), few_shot(LABELS, 10)
    assert set(five) < set(ten)
    assert set(five) != set(few_shot(LABELS, 5, seed=1))


def test_small_classes_are_named_once():
    names = ["rose", "tulip", "daisy"]
    with pytest.warns(UserWarning, match=r"1 class.*15 samp.*daisy \(10\)"):
        drawn = few_shot(LABELS, 15, class_names=names)
    assert np.bincount(LABELS[drawn]).tolist() == [15, 15, 10]


def test_multi_hot_classes_all_get_their_shots():
    rows = np.zeros((40, 3))
    rows[:30, 0] = rows[20:, 1] = rows[35:, 2] = 1
    drawn = few_shot(rows, 4, seed=0)
    assert (rows[drawn].sum(axis=0) >= 4).all()
    assert len(drawn) <= 12
    assert set(few_shot(rows, 2, seed=0)) < set(drawn)


def test_no_shots_are_refused():
    with pytest.raises(ValueError, match="at least 1"):
        few_shot(LABELS, 0)
