"""A cached training follows whatever sets the depth."""

import pytest
from cached_training import (
    arrays,
    both,
    fit,
    made,
    scheduled,
    validation_arrays,
)
from cases import some_slow
from doubles import SetsDepth, SetsDepthAtEnd
from keras import callbacks

import keras_transfer as kt
from keras_transfer.feature_cache import building

SCHEDULES = {
    "up": (0, 0, 1, 1, 3, 3),
    "down": (3, 3, 1, 1, 0, 0),
    "one epoch each": (0, 1, 2, 3),
    "down, one epoch each": (3, 2, 1, 0),
    "up and down": (1, 2, 2, 0, 0, 3, 1),
    "through all": (1, 1, "all", 1, 0, 0),
    "all, then none": ("all", 0, 0),
    "all at last": (0, 0, "all"),
    "all of the time": ("all", "all"),
}


@pytest.mark.parametrize("name", some_slow(SCHEDULES, {"through all"}))
def test_schedules(name):
    depths = SCHEDULES[name]
    _, history, _ = both(
        arrays(),
        scheduled(*depths),
        epochs=len(depths),
        validation=validation_arrays,
    )
    full = len(made().blocks)
    assert history.history["trainable_blocks"] == [
        full if d == "all" else d for d in depths
    ]


def test_what_is_nearer_the_head_is_made_of_what_is_deeper(monkeypatch):
    """One pass over the data for the whole schedule, at its deepest."""
    prefixes = []
    whole = building.prefix.run

    def seen(prefix, x, **kwargs):
        prefixes.append(len(prefix.weights))
        return whole(prefix, x, **kwargs)

    monkeypatch.setattr(building.prefix, "run", seen)
    depths = (0, 0, 2, 2, 3, 3)
    fit(made(), arrays(), "memory", scheduled(*depths)(), epochs=6)
    # Two weights a dense layer, four of the batch norm. One sample, then all:
    # from the data to depth 3, from there to depth 0, and later to depth 2.
    assert prefixes == [2] * (1 + 3) + [10] * (1 + 1) + [6] * (1 + 1)


def test_a_depth_that_nobody_knew_beforehand():
    plateau = lambda: [  # noqa: E731
        kt.callbacks.UnfreezeOnPlateau(
            monitor="val_loss", min_delta=10.0, patience=1, verbose=0
        )
    ]
    _, history, _ = both(
        arrays(), plateau, epochs=4, validation=validation_arrays
    )
    assert history.history["trainable_blocks"] == [0, 0, 1, 2]


KINDS = [SetsDepth, SetsDepthAtEnd]


@pytest.mark.parametrize(
    "depths",
    some_slow(
        [(0, 1, 1, 3), (2, 0, 0, 1), (0, 4, 4, 1), (3, 1, 2, 2)],
        {(0, 1, 1, 3)},
    ),
)
@pytest.mark.parametrize("kind", some_slow(KINDS, {SetsDepth}))
def test_a_callback_that_sets_the_depth(kind, depths):
    both(
        arrays(),
        lambda: [kind(lambda epoch, _: depths[epoch])],
        epochs=4,
        validation=validation_arrays,
    )


def test_a_schedule_beside_a_callback_that_sets_another_depth():
    class Deeper(callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                kt.set_trainable_depth(self.model, 3)

    both(arrays(), lambda: [*scheduled(0, 1, 1, 1)(), Deeper()], epochs=4)


def test_a_depth_that_changes_within_an_epoch_is_refused():
    class Midway(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            kt.set_trainable_depth(self.model, 1)

    with pytest.raises(ValueError, match=r"changes within an epoch.*batch 1"):
        fit(made(), arrays(), "memory", [Midway()])


class StopsAt(callbacks.Callback):
    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def on_epoch_end(self, epoch, logs=None):
        self.model.stop_training = epoch == self.epoch


@pytest.mark.parametrize("epoch", some_slow([0, 1, 2], {1}))
def test_a_training_that_is_stopped_where_a_boundary_moves(epoch):
    at_end = SetsDepthAtEnd(lambda epoch, _: (0, 2, 2, 2)[epoch])
    _, history, _ = both(
        arrays(),
        lambda: [at_end, StopsAt(epoch)],
        epochs=4,
    )
    assert history.epoch == list(range(epoch + 1))
