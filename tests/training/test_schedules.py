"""Schedules: hand-computed numbers of blocks, and clear errors."""

import keras
import pytest

import keras_transfer as kt
from keras_transfer.training.schedules import depth_at

CASES = {
    "linear probe": (kt.LinearProbe(), [0, 0, 0, 0, 0, 0, 0, 0]),
    "everything": (kt.FullFineTuning(), [6] * 8),
    "one by one": (kt.GradualUnfreezing(3, 1), [0, 0, 0, 1, 2, 3, 4, 5]),
    "every other epoch": (
        kt.GradualUnfreezing(1, 2),
        [0, 1, 1, 2, 2, 3, 3, 4],
    ),
    "in twos, at most three": (
        kt.GradualUnfreezing(0, 2, blocks_per_step=2, max_blocks=3),
        [2, 2, 3, 3, 3, 3, 3, 3],
    ),
    "no more than there are": (
        kt.GradualUnfreezing(0, 1, blocks_per_step=4),
        [4, 6, 6, 6, 6, 6, 6, 6],
    ),
    "down again": (
        kt.PiecewiseUnfreezing([2, 5], [0, 6, 1]),
        [0, 0, 6, 6, 6, 1, 1, 1],
    ),
    "never changing": (kt.PiecewiseUnfreezing([], [2]), [2] * 8),
    "a function": (lambda epoch, blocks: blocks - epoch % 2, [6, 5] * 4),
}


@pytest.mark.parametrize("name", CASES)
def test_depths(name):
    schedule, expected = CASES[name]
    assert [depth_at(schedule, epoch, 6) for epoch in range(8)] == expected


@pytest.mark.parametrize("name", list(CASES)[:-1])
def test_round_trip(name):
    schedule, expected = CASES[name]
    config = keras.saving.serialize_keras_object(schedule)
    again = keras.saving.deserialize_keras_object(config)
    assert [again(epoch, 6) for epoch in range(8)] == expected
    assert repr(again) == repr(schedule)


def test_repr_is_what_one_would_type():
    assert repr(kt.LinearProbe()) == "LinearProbe()"
    assert repr(kt.PiecewiseUnfreezing([2], [0, 1])) == (
        "PiecewiseUnfreezing(boundaries=[2], values=[0, 1])"
    )


@pytest.mark.parametrize("depth", [7, -1, 1.5, None, True, "2"])
def test_what_a_schedule_says_is_checked(depth):
    with pytest.raises(ValueError, match=r"for epoch 4.*from 0 .* to 6"):
        depth_at(lambda epoch, num_blocks: depth, 4, 6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: kt.GradualUnfreezing(-1, 1), "start_epoch.*at least 0"),
        (lambda: kt.GradualUnfreezing(0, 0), "epochs_per_block.*at least 1"),
        (lambda: kt.GradualUnfreezing(0, 1.5), "epochs_per_block"),
        (lambda: kt.GradualUnfreezing(0, 1, 0), "blocks_per_step"),
        (lambda: kt.GradualUnfreezing(0, 1, 1, -2), "max_blocks"),
        (lambda: kt.PiecewiseUnfreezing([3], [1]), "one value more"),
        (lambda: kt.PiecewiseUnfreezing([3, 3], [1, 2, 3]), "increasing"),
        (lambda: kt.PiecewiseUnfreezing([-1], [1, 2]), "boundaries"),
    ],
)
def test_arguments_are_checked(make, message):
    with pytest.raises(ValueError, match=message):
        make()
