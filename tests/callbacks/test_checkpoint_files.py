"""Which checkpoints are refused, repaired, and what else is in a folder."""

import keras
import pytest
from doubles import EpochLog, vectors
from resumed_training import (
    assert_same,
    assert_same_history,
    averaging,
    checkpoint,
    fit,
    interrupted,
    plain_model,
    transfer_model,
)

from keras_transfer.storage import checkpoint_folder


@pytest.fixture
def samples():
    return vectors(24)


OTHERS = {
    "width": lambda: transfer_model(units=6),
    "optimizer": lambda: transfer_model(averaging),
    "kind": plain_model,
}


@pytest.mark.parametrize("name", OTHERS)
def test_a_checkpoint_of_another_model_is_refused(samples, tmp_path, name):
    interrupted(transfer_model(), samples, [checkpoint(tmp_path)], (2, 1))
    before = sorted(tmp_path.iterdir())
    log = EpochLog()
    with pytest.raises(ValueError, match="does not fit this model"):
        fit(OTHERS[name](), samples, [checkpoint(tmp_path), log])
    assert log.epochs == []
    assert sorted(tmp_path.iterdir()) == before


def test_a_damaged_checkpoint_costs_an_epoch(samples, tmp_path):
    expected = transfer_model()
    history = fit(expected, samples, [])
    interrupted(transfer_model(), samples, [checkpoint(tmp_path)], (3, 1))
    (tmp_path / "epoch-00003" / "arrays.npz").write_bytes(b"half")
    model, log = transfer_model(), EpochLog()
    with pytest.warns(UserWarning, match="epoch-00003"):
        again = fit(model, samples, [checkpoint(tmp_path), log])
    assert log.epochs == [2, 3, 4, 5]
    assert_same_history(again, history)
    assert_same(model, expected)


def test_a_folder_that_cannot_be_written_is_known_at_once(samples, tmp_path):
    (tmp_path / "file").write_text("")
    log = EpochLog()
    with pytest.raises(OSError, match="Could not write"):
        fit(
            transfer_model(),
            samples,
            [checkpoint(tmp_path / "file" / "run"), log],
        )
    assert log.epochs == []


def test_foreign_files_stay_and_checkpoints_go(samples, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    fit(transfer_model(), samples, [checkpoint(tmp_path)], epochs=2)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_what_it_writes_says_with_what(samples, tmp_path):
    interrupted(transfer_model(), samples, [checkpoint(tmp_path)], (2, 0))
    _, info = checkpoint_folder.read_last(tmp_path)
    assert info["epoch"] == 2
    assert info["keras"] == keras.version()
    assert info["backend"] == keras.backend.backend()
