"""`search`: trials that fail, are killed, and go on."""

import dataclasses
import os
import signal
import subprocess
import sys

import keras
import pytest
from processes import environment
from small_searches import GRID, SPACE, searched

from keras_transfer.tuner import trial

pytest.importorskip("keras_tuner")

pytestmark = pytest.mark.any_backend

compiles_anew = pytest.mark.skipif(
    keras.backend.backend() == "jax",
    reason="JAX compiles each trial anew; one search is enough there.",
)


class _Kill(BaseException):
    """Ends a search without a word, as a signal would."""


@compiles_anew
@pytest.mark.parametrize(
    "tuner, space, trials",
    [
        ("random", SPACE, 4),
        pytest.param("grid", GRID, 4, marks=pytest.mark.slow),
    ],
)
def test_goes_on_where_it_was(
    tuner, space, trials, source, data, tmp_path, monkeypatch
):
    options = {"tuner": tuner, "space": space, "trials": trials, "epochs": 1}
    if tuner == "random":
        whole = searched(source, data, tmp_path / "whole", **options)
    begun, train = [], trial.train

    def counted(settings, *args, **given):
        begun.append(settings)
        if len(begun) == 3:
            raise _Kill
        return train(settings, *args, **given)

    monkeypatch.setattr(trial, "train", counted)
    with pytest.raises(_Kill):
        searched(source, data, tmp_path / "cut", **options)
    result = searched(source, data, tmp_path / "cut", **options)
    # The third one began twice, no other did, and none is missing.
    assert len(begun) == trials + 1 and begun[2] == begun[3]
    assert len(result.trials) == trials
    scores = {row["trial"]: row["score"] for row in result.trials}
    assert len(scores) == trials
    if tuner == "random":
        wanted = {row["trial"]: row["score"] for row in whole.trials}
        assert scores == pytest.approx(wanted, abs=1e-6)
    # What has ended has nothing left to do.
    searched(source, data, tmp_path / "cut", **options)
    assert len(begun) == trials + 1


_SCRIPT = """
import os, signal, sys
from small_nets import source_net
from small_searches import searched, some_data
from keras_transfer.tuner import trial
begun, train = [], trial.train

def killed(*args, **options):
    begun.append(1)
    if len(begun) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return train(*args, **options)

trial.train = killed
searched(source_net(), some_data(), sys.argv[1], trials=4, epochs=1)
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="There is no SIGKILL on Windows.")
def test_survives_sigkill(source, data, tmp_path):
    folder = tmp_path / "search"
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT, str(folder)],
        check=False, env=environment(),
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL
    before = {
        path: path.read_text() for path in folder.glob("trial_*/history.json")
    }
    assert len(before) == 2
    result = searched(source, data, folder, trials=4, epochs=1)
    assert sorted(row["trial"] for row in result.trials) == [1, 2, 3, 4]
    assert all(row["status"] == "COMPLETED" for row in result.trials)
    assert all(path.read_text() == text for path, text in before.items())


@compiles_anew
def test_more_trials_go_on(source, data, tmp_path):
    searched(source, data, tmp_path, trials=2, epochs=1)
    result = searched(source, data, tmp_path, trials=3, epochs=1)
    assert len(result.trials) == 3


@compiles_anew
@pytest.mark.parametrize("how", ["raises", "NaN"])
def test_a_trial_that_fails(how, source, data, tmp_path, monkeypatch):
    train, seen = trial.train, []

    def second_fails(settings, model, *args, **options):
        seen.append(settings)
        if len(seen) == 2 and how == "raises":
            raise ValueError("out of luck")
        if len(seen) == 2:
            settings = dataclasses.replace(
                settings, learning_rate=1e38, optimizer="sgd"
            )
        return train(settings, model, *args, **options)

    monkeypatch.setattr(trial, "train", second_fails)
    result = searched(source, data, tmp_path, space=GRID | {"dropout": 0.1})
    assert [row["status"] for row in result.trials] == [
        "COMPLETED", "COMPLETED", "FAILED",
    ]  # fmt: skip
    reason = {"raises": "out of luck", "NaN": "not a number"}[how]
    assert reason in result.trials[-1]["reason"]
    assert "1 of 3 trials failed" in result.warnings[0]
    assert "failed" in result.table()


@pytest.mark.parametrize("trials", [2, 9])
def test_all_trials_fail(trials, source, data, tmp_path, monkeypatch):
    def fails(*args, **options):
        raise ValueError("out of luck")

    monkeypatch.setattr(trial, "train", fails)
    with pytest.raises(RuntimeError, match=r"All \d trials failed.*luck"):
        searched(source, data, tmp_path, trials=trials)


@compiles_anew
def test_interrupted(source, data, tmp_path, monkeypatch):
    train, seen = trial.train, []

    def second_is_stopped(*args, **options):
        seen.append(1)
        if len(seen) == 2:
            raise KeyboardInterrupt
        return train(*args, **options)

    monkeypatch.setattr(trial, "train", second_is_stopped)
    result = searched(source, data, tmp_path)
    assert result.interrupted and len(result.trials) == 1
    result = searched(source, data, tmp_path)
    assert not result.interrupted and len(result.trials) == 3
