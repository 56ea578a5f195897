"""A cached training that was interrupted goes on as if it was not."""

import pytest
from cached_training import (
    CLASSES,
    arrays,
    assert_same_history,
    assert_same_model,
    fit,
    made,
    scheduled,
    validation_arrays,
)
from cases import some_slow
from doubles import EpochLog, Interrupt

import keras_transfer as kt

EPOCHS = 6


def model():
    return made(
        head=lambda: kt.ClassificationHead(
            CLASSES, hidden_units=(4,), dropout=0.4
        )
    )


def train(model, cache, *more):
    return fit(
        model,
        arrays(),
        cache,
        [*scheduled(0, 0, 2, 2, 1, 3)(), *more],
        epochs=EPOCHS,
        validation=validation_arrays,
    )


@pytest.fixture(scope="module")
def uninterrupted():
    """A model and its history without a cache."""
    expected = model()
    return expected, train(expected, None)


@pytest.mark.parametrize("epoch", some_slow([1, 2, 4], {2}))
@pytest.mark.parametrize("place", some_slow(["memory", "disk"], {"disk"}))
def test_an_interrupted_training_goes_on(epoch, place, tmp_path, uninterrupted):
    cache = "memory" if place == "memory" else tmp_path / "cache"

    def checkpoint():
        return kt.callbacks.TransferCheckpoint(tmp_path / "run", verbose=0)

    first, second, log = model(), model(), EpochLog()
    with pytest.raises(KeyboardInterrupt):
        train(first, cache, checkpoint(), Interrupt(epoch))
    assert first._suffix is None
    history = train(second, cache, checkpoint(), log)
    assert log.epochs == list(range(epoch, EPOCHS))
    expected, wanted = uninterrupted
    assert_same_history(history, wanted)
    assert_same_model(second, expected)
