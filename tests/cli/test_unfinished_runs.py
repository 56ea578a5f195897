"""A killed or terminated `fit` goes on, and ends as one that was not."""

import json
import os
import shutil
import signal

import numpy as np
import pytest

import keras_transfer as kt
from keras_transfer.callbacks import TransferCheckpoint
from keras_transfer.cli import main
from keras_transfer.recipes import checkpointing, run_folder

pytestmark = pytest.mark.any_backend


class Killed(BaseException):
    """Nothing in the command may catch it."""


@pytest.fixture(autouse=True)
def each_epoch(monkeypatch):
    monkeypatch.setattr(checkpointing, "SECONDS_BETWEEN", 0)


@pytest.fixture(scope="module")
def whole(fit, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "whole"
    assert fit(folder, "--epochs", 3, validation_split=None) == 0
    return folder


def stopped(monkeypatch, at, stop):
    """Calls a function when a checkpoint of this number was written."""
    own, count = TransferCheckpoint._save, [0]

    def save(self, epoch, ended_run_of=None):
        own(self, epoch, ended_run_of)
        count[0] += 1
        if count[0] == at:
            stop()

    monkeypatch.setattr(TransferCheckpoint, "_save", save)


def kill():
    raise Killed


def terminate():
    os.kill(os.getpid(), signal.SIGTERM)


def weights(folder):
    return kt.load_model(folder / "model.keras").get_weights()


def assert_same(folder, other):
    for a, b in zip(weights(folder), weights(other), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


# In the training, and when it has just ended.
@pytest.mark.parametrize("at", [2, 4])
def test_a_killed_fit_goes_on(at, fit, whole, tmp_path, monkeypatch, capsys):
    run = tmp_path / "run"
    with monkeypatch.context() as patch:
        stopped(patch, at, kill)
        with pytest.raises(Killed):
            fit(run, "--epochs", 3, validation_split=None)
    assert sorted(p.name for p in run.iterdir() if p.suffix == "") == [
        "unfinished"
    ]
    assert fit(run, "--epochs", 3, validation_split=None) == 1
    assert "--resume" in capsys.readouterr().err
    assert main(["fit", "--output", str(run), "--resume"]) == 0
    assert_same(run, whole)
    assert not (run / "unfinished").exists()


def test_sigterm_keeps_what_there_is_and_it_goes_on(
    fit, whole, tmp_path, monkeypatch, capsys
):
    run = tmp_path / "run"
    with monkeypatch.context() as patch:
        stopped(patch, 2, terminate)
        assert fit(run, "--epochs", 3, validation_split=None) == 130
    assert f"keras-transfer fit --output {run} --resume" in (
        capsys.readouterr().out
    )
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["interrupted"] is True
    # The same command, with what it was given.
    assert fit(run, "--epochs", 3, "--resume", validation_split=None) == 0
    assert_same(run, whole)
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["interrupted"] is False


@pytest.mark.any_backend
def test_what_goes_on_as_another_run_is_refused(
    fit, photos, tmp_path, monkeypatch, capsys
):
    run, data = tmp_path / "run", tmp_path / "photos"
    shutil.copytree(photos, data)
    with monkeypatch.context() as patch:
        stopped(patch, 2, kill)
        with pytest.raises(Killed):
            fit(run, "--epochs", 3, validation_split=None)
    resume = ["fit", "--output", str(run), "--resume"]
    assert main([*resume, "--learning-rate", "0.5"]) == 1
    assert "learning_rate 0.5 after None" in capsys.readouterr().err
    (data / "train" / "red" / "0.png").unlink()
    content = json.loads((run / "unfinished" / "config.json").read_text())
    content["data"] = str(data)
    (run / "unfinished" / "config.json").write_text(json.dumps(content))
    assert main(resume) == 1
    message = capsys.readouterr().err
    assert "0 new, 1 (" in message and "0.png) gone" in message


@pytest.mark.any_backend
def test_fit_does_not_replace_a_run_unasked(fit, whole, tmp_path, capsys):
    shutil.copytree(whole, tmp_path / "run")
    before = (tmp_path / "run" / "model.keras").read_bytes()
    assert fit(tmp_path / "run") == 1
    assert "--overwrite" in capsys.readouterr().err
    assert (tmp_path / "run" / "model.keras").read_bytes() == before
    assert fit(tmp_path / "run", "--overwrite", "--epochs", 0) == 0
    assert (tmp_path / "run" / "model.keras").read_bytes() != before


@pytest.mark.any_backend
def test_where_there_is_no_run_none_goes_on(tmp_path, capsys):
    run = tmp_path / "run"
    assert main(["fit", "--output", str(run), "--resume"]) == 1
    assert "there is none" in capsys.readouterr().err and not run.exists()


@pytest.mark.any_backend
def test_a_failed_fit_leaves_no_folder(photos, tmp_path, capsys):
    run = tmp_path / "run"
    arguments = ["fit", photos, "--backbone", "NoSuchNet", "--output", run]
    assert main([str(x) for x in arguments]) == 1
    assert not run.exists() and "NoSuchNet" in capsys.readouterr().err


@pytest.mark.any_backend
def test_a_disk_that_is_full_in_the_end_costs_no_model(
    fit, whole, tmp_path, monkeypatch, capsys
):
    run = tmp_path / "run"

    def full(*arguments):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(run_folder.plots, "plot_history", full)
        assert fit(run, "--epochs", 3, validation_split=None) == 1
    message = capsys.readouterr().err
    assert "No space left" in message and "model.keras" in message
    assert_same(run, whole)
    assert main(["fit", "--output", str(run), "--resume"]) == 0
    assert_same(run, whole)
    assert (run / "curves.png").exists()
