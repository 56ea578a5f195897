"""Other callbacks go on too, as if the run had not been interrupted."""

import numpy as np
import pytest
from doubles import EpochLog, vectors
from keras import callbacks
from resumed_training import (
    EPOCHS,
    adamw,
    assert_same,
    assert_same_history,
    averaging,
    checkpoint,
    fit,
    interrupted,
    schedule,
    transfer_model,
)

import keras_transfer as kt


@pytest.fixture
def samples():
    return vectors(24)


RUNS = {
    "early stopping": (
        adamw,
        lambda path: [
            callbacks.EarlyStopping(patience=2, restore_best_weights=True)
        ],
        lambda h: len(h["loss"]) < EPOCHS,
    ),
    "lower rate on plateau": (
        adamw,
        lambda path: [callbacks.ReduceLROnPlateau(patience=1, min_delta=0.5)],
        lambda h: h["learning_rate"][3] < h["learning_rate"][0],
    ),
    "unfreezing on plateau": (
        adamw,
        lambda path: [
            kt.callbacks.UnfreezeOnPlateau(
                patience=2, min_delta=0.5, cooldown=1
            )
        ],
        lambda h: h["trainable_blocks"][-1] > h["trainable_blocks"][0],
    ),
    "a rate from the last one": (
        adamw,
        lambda path: [callbacks.LearningRateScheduler(lambda _, r: r * 0.9)],
        lambda h: np.allclose(
            h["learning_rate"], 0.02 * 0.9 ** np.arange(1, EPOCHS + 1)
        ),
    ),
    "best model": (
        adamw,
        lambda path: [
            callbacks.ModelCheckpoint(
                str(path / "best.weights.h5"),
                save_best_only=True,
                save_weights_only=True,
            )
        ],
        lambda h: min(h["val_loss"]) < h["val_loss"][-1],
    ),
    "averages in validation": (
        averaging,
        lambda path: [callbacks.SwapEMAWeights()],
        lambda h: len(h["loss"]) == EPOCHS,
    ),
    "averages between epochs": (
        averaging,
        lambda path: [callbacks.SwapEMAWeights(swap_on_epoch=True)],
        lambda h: len(h["loss"]) == EPOCHS,
    ),
    "freezing schedule": (
        averaging,
        lambda path: [
            kt.callbacks.FreezingScheduler(schedule),
            callbacks.EarlyStopping("loss", patience=9),
            callbacks.EarlyStopping(patience=9, restore_best_weights=True),
        ],
        lambda h: h["trainable_blocks"] == [1, 2, 3, 1, 1, 2],
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", RUNS)
def test_an_interrupted_run_ends_as_one_that_was_not(samples, tmp_path, name):
    make, others, has_acted = RUNS[name]
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    expected = transfer_model(make)
    history = fit(expected, samples, [*others(whole), checkpoint(whole)])
    assert has_acted(history.history), history.history
    for place in ((0, 1), (2, 0, RuntimeError)):
        extra = [*others(parts), checkpoint(parts)]
        interrupted(transfer_model(make), samples, extra, place)
    model, log = transfer_model(make), EpochLog()
    again = fit(model, samples, [*others(parts), checkpoint(parts), log])
    assert log.epochs == history.epoch[2:]
    assert_same_history(again, history)
    assert_same(model, expected)
    if name == "best model":
        for each, path in ((model, parts), (expected, whole)):
            each.load_weights(path / "best.weights.h5")
        assert_same(model, expected)
    assert not list(parts.glob("epoch-*"))


@pytest.mark.slow
@pytest.mark.parametrize("place", [0, 1, 2])
def test_the_place_in_the_list_does_not_matter(samples, tmp_path, place):
    def extra():
        found = [
            callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.9),
            kt.callbacks.FreezingScheduler(schedule),
        ]
        found.insert(place, checkpoint(tmp_path))
        return found

    expected = transfer_model()
    history = fit(expected, samples, extra())
    interrupted(transfer_model(), samples, extra(), (2, 1))
    model = transfer_model()
    assert_same_history(fit(model, samples, extra()), history)
    assert_same(model, expected)


def test_callbacks_are_told_apart_by_their_kind(samples, tmp_path):
    stopping = callbacks.EarlyStopping(patience=9, restore_best_weights=True)
    interrupted(
        transfer_model(), samples, [stopping, checkpoint(tmp_path)], (3, 1)
    )
    best = stopping.best
    reduce = callbacks.ReduceLROnPlateau("loss")
    again = callbacks.EarlyStopping(patience=9)
    extra = [reduce, again, checkpoint(tmp_path)]
    interrupted(transfer_model(), samples, extra, (3, 0))
    assert again.best == best
    assert len(again.best_weights) == len(transfer_model().weights)
    assert reduce.best is None
    assert not hasattr(reduce, "best_weights")


def test_batches_are_counted_on_by_a_model_checkpoint(samples, tmp_path):
    # Three batches an epoch, so saved in the middle of every second one.
    def extra(folder):
        path = str(folder / "{epoch}-{batch}.weights.h5")
        saving = callbacks.ModelCheckpoint(
            path, save_weights_only=True, save_freq=5
        )
        return [saving, checkpoint(folder)]

    fit(transfer_model(), samples, extra(tmp_path / "whole"))
    for place in ((1, 0), (2, 2)):
        interrupted(transfer_model(), samples, extra(tmp_path / "parts"), place)
    fit(transfer_model(), samples, extra(tmp_path / "parts"))
    names = [
        sorted(path.name for path in (tmp_path / folder).iterdir())
        for folder in ("whole", "parts")
    ]
    assert len(names[0]) == 3
    assert names[0] == names[1]
