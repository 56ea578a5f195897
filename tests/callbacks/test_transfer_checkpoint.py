"""An interrupted run that is started again ends as one that was not."""

import keras
import pytest
from doubles import EpochLog, vectors
from keras import callbacks
from resumed_training import (
    EPOCHS,
    assert_same,
    assert_same_history,
    averaging,
    checkpoint,
    fit,
    interrupted,
    plain_model,
    schedule,
    transfer_model,
)

import keras_transfer as kt


@pytest.fixture
def samples():
    return vectors(24)


def test_a_checkpoint_changes_nothing(samples, tmp_path):
    extra = [kt.callbacks.FreezingScheduler(schedule)]
    expected = transfer_model(averaging)
    history = fit(expected, samples, extra)
    model = transfer_model(averaging)
    again = fit(model, samples, [*extra, checkpoint(tmp_path)])
    assert_same_history(again, history)
    assert_same(model, expected)


def test_the_same_objects_go_on_in_a_notebook(samples, tmp_path):
    expected = transfer_model()
    stopping = callbacks.EarlyStopping(patience=9, restore_best_weights=True)
    history = fit(expected, samples, [stopping])
    model = transfer_model()
    extra = [stopping, checkpoint(tmp_path)]
    interrupted(model, samples, extra, (2, 1))
    interrupted(model, samples, extra, (4, 0))
    assert_same_history(fit(model, samples, extra), history)
    assert_same(model, expected)


def test_a_plain_model(samples, tmp_path):
    def extra(folder):
        stopping = callbacks.EarlyStopping(
            patience=3, restore_best_weights=True
        )
        return [
            checkpoint(folder, callbacks=[stopping]),
            callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.9),
            kt.callbacks.FreezingScheduler(schedule),
            stopping,
        ]

    expected = plain_model(averaging)
    history = fit(expected, samples, extra(tmp_path / "whole"), shuffle=False)
    for place in ((1, 1), (2, 0)):
        interrupted(
            plain_model(averaging),
            samples,
            extra(tmp_path / "parts"),
            place,
            shuffle=False,
        )
    model = plain_model(averaging)
    again = fit(model, samples, extra(tmp_path / "parts"), shuffle=False)
    assert_same_history(again, history)
    assert_same(model, expected)


def test_a_plain_model_without_blocks(samples, tmp_path):
    expected = plain_model()
    history = fit(expected, samples, [], shuffle=False)
    interrupted(
        plain_model(), samples, [checkpoint(tmp_path)], (3, 1), shuffle=False
    )
    model = plain_model()
    again = fit(model, samples, [checkpoint(tmp_path)], shuffle=False)
    assert_same_history(again, history)
    assert_same(model, expected)


def test_more_epochs_go_on(samples, tmp_path):
    expected = transfer_model()
    history = fit(expected, samples, [])
    fit(
        transfer_model(),
        samples,
        [checkpoint(tmp_path, delete_checkpoint=False)],
        4,
    )
    model, log = transfer_model(), EpochLog()
    extra = [checkpoint(tmp_path, delete_checkpoint=False), log]
    again = fit(model, samples, extra)
    assert log.epochs == [4, 5]
    assert_same_history(again, history)
    assert_same(model, expected)


@pytest.mark.slow
@pytest.mark.parametrize("patience", [1, 9])
def test_a_run_that_has_ended_is_only_read(samples, tmp_path, patience):
    def extra():
        return [
            checkpoint(tmp_path, delete_checkpoint=False),
            callbacks.EarlyStopping(
                patience=patience, restore_best_weights=True
            ),
        ]

    expected = transfer_model(averaging)
    history = fit(expected, samples, extra())
    assert (len(history.epoch) < EPOCHS) == (patience == 1)
    for _ in range(2):
        model, log = transfer_model(averaging), EpochLog()
        again = fit(model, samples, [*extra(), log])
        assert log.epochs == []
        assert_same_history(again, history)
        assert_same(model, expected)


def test_bfloat16_weights_of_the_best_epoch(samples, tmp_path):
    def make():
        with_policy = keras.config.dtype_policy()
        keras.config.set_dtype_policy("bfloat16")
        try:
            return transfer_model()
        finally:
            keras.config.set_dtype_policy(with_policy)

    def extra():
        return [
            callbacks.EarlyStopping(patience=9, restore_best_weights=True),
            checkpoint(tmp_path),
        ]

    expected = make()
    history = fit(expected, samples, extra())
    interrupted(make(), samples, extra(), (4, 1))
    model = make()
    assert_same_history(fit(model, samples, extra()), history)
    assert_same(model, expected)


def test_a_later_fit_starts_where_it_is_told_to(samples, tmp_path):
    model = transfer_model()
    interrupted(model, samples, [checkpoint(tmp_path)], (4, 1))
    interrupted(model, samples, [checkpoint(tmp_path)], (4, 2))
    log = EpochLog()
    fit(model, samples, [log], epochs=2)
    assert log.epochs == [0, 1]
    fit(model, samples, [checkpoint(tmp_path)])
    log = EpochLog()
    fit(model, samples, [log], epochs=3, initial_epoch=1)
    assert log.epochs == [1, 2]


def test_it_says_where_it_goes_on(samples, tmp_path, capsys):
    interrupted(transfer_model(), samples, [checkpoint(tmp_path)], (2, 0))
    assert "TransferCheckpoint" not in capsys.readouterr().out
    loud = kt.callbacks.TransferCheckpoint(tmp_path)
    fit(transfer_model(), samples, [loud])
    said = capsys.readouterr().out
    assert f"going on after epoch 2 of 6, from '{tmp_path}'" in said


@pytest.mark.parametrize(
    ("rate", "samples_seed", "said"),
    [
        (0.5, 0, "optimizer.learning_rate is 0.5"),
        (None, 7, "digest of the first samples"),
    ],
)
def test_a_run_that_goes_on_as_another_one_is_told(
    tmp_path, rate, samples_seed, said
):
    model = transfer_model()
    interrupted(model, vectors(24), [checkpoint(tmp_path)], (2, 1))
    other = transfer_model()
    if rate is not None:
        other.optimizer.learning_rate = rate
    with pytest.warns(UserWarning, match=f"not the one that was.*{said}"):
        fit(other, vectors(24, samples_seed), [checkpoint(tmp_path)])


def test_the_same_run_is_told_nothing(samples, tmp_path, recwarn):
    interrupted(transfer_model(), samples, [checkpoint(tmp_path)], (2, 1))
    fit(transfer_model(), samples, [checkpoint(tmp_path)])
    assert not [w for w in recwarn if "not the one" in str(w.message)]


def test_checkpoints_are_written_no_more_often_than_asked(samples, tmp_path):
    rare = kt.TransferCheckpoint(
        tmp_path / "rare", delete_checkpoint=False, min_seconds=3600
    )
    fit(transfer_model(), samples, [rare])
    assert not (tmp_path / "rare").exists()
