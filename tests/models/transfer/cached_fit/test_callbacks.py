"""Callbacks cannot tell a cached training from an uncached one."""

import keras
import pytest
from cached_training import (
    arrays,
    assert_close,
    assert_same_model,
    both,
    fit,
    made,
    scheduled,
    validation_arrays,
)
from doubles import vectors
from keras import callbacks, optimizers

import keras_transfer as kt


def test_for_the_callbacks_it_is_one_training():
    _, history, recorder = both(
        arrays(),
        scheduled(0, 0, 2, 1),
        epochs=4,
        validation=validation_arrays,
    )
    names = [each[0] for each in recorder.said]
    assert names.count("train begin") == names.count("train end") == 1
    assert names[0] == "train begin" and names[-1] == "train end"
    begun = [e[1] for e in recorder.said if e[0] == "epoch begin"]
    assert begun == [0, 1, 2, 3] == history.epoch
    assert names.count("batch end") == 4 * 3
    assert history is recorder.model.history
    assert recorder.said[0][1]["epochs"] == 4
    assert recorder.said[0][1]["steps"] == 3


@pytest.mark.slow
def test_early_stopping_restores_the_best_weights():
    # Nothing to learn: validation gets worse.
    _, history, _ = both(
        arrays(),
        lambda: [
            *scheduled(0, 1, 2, 3, 3, 3, 3, 3)(),
            callbacks.EarlyStopping(
                "val_loss", patience=1, restore_best_weights=True
            ),
        ],
        epochs=8,
        model={"make": lambda: optimizers.SGD(3.0)},
        validation=lambda: (vectors(9, 1)[0], 2 - vectors(9, 1)[1]),
    )
    assert len(history.epoch) < 8


def test_the_whole_model_is_saved(tmp_path):
    for side in ("cached", "uncached"):
        fit(
            made(),
            arrays(),
            "memory" if side == "cached" else None,
            [
                *scheduled(0, 2, 2)(),
                callbacks.ModelCheckpoint(tmp_path / (side + "{epoch}.keras")),
            ],
        )
    x, _ = vectors()
    for epoch in (1, 2, 3):
        cached, expected = (
            keras.saving.load_model(tmp_path / f"{side}{epoch}.keras")
            for side in ("cached", "uncached")
        )
        assert isinstance(cached, kt.TransferModel)
        assert cached.trainable_depth == (0, 2, 2)[epoch - 1]
        assert_same_model(cached, expected)
        assert_close(
            cached.predict(x, verbose=0), expected.predict(x, verbose=0)
        )


@pytest.mark.slow
def test_rates_that_callbacks_set():
    _, history, _ = both(
        arrays(),
        lambda: [
            *scheduled(0, 0, 1, 1, 2, 2)(),
            callbacks.LearningRateScheduler(
                lambda epoch, rate: rate * 0.8 if epoch else rate
            ),
            callbacks.ReduceLROnPlateau(
                "loss", factor=0.5, patience=1, min_delta=10.0
            ),
        ],
        epochs=6,
    )
    rates = history.history["learning_rate"]
    assert rates[0] > rates[1] > rates[2] > rates[-1]


@pytest.mark.slow
def test_averages_that_are_swapped_in(tmp_path):
    both(
        arrays(),
        lambda: [
            *scheduled(0, 1, 1, 2)(),
            callbacks.SwapEMAWeights(swap_on_epoch=True),
        ],
        epochs=4,
        model={
            "make": lambda: optimizers.AdamW(
                0.02, use_ema=True, ema_momentum=0.8
            )
        },
        validation=validation_arrays,
    )


@pytest.mark.slow
def test_freeze_audit_finds_nothing():
    both(
        arrays(),
        lambda: [*scheduled(0, 2, 1, 4)(), kt.callbacks.FreezeAudit()],
        epochs=4,
        model={"train_batch_norm": True},
    )
