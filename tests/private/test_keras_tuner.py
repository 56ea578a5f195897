"""Probes of the private names of KerasTuner."""

import json

import pytest

keras_tuner = pytest.importorskip("keras_tuner")

from keras_transfer._private import keras_tuner as private


class Oracle(private.SavesTrials, keras_tuner.oracles.GridSearchOracle):
    """A grid whose trials are written by `save_trial`."""

    def __init__(self, **options):
        objective = keras_tuner.Objective("score", "max")
        super().__init__(objective=objective, **options)
        self.saved = []

    def save_trial(self, trial):
        self.saved.append(trial.trial_id)
        trial.save(str(private.trial_file(self, trial)))


def space():
    found = keras_tuner.HyperParameters()
    found.Choice("a", [0, 1])
    found.Choice("b", [0, 1])
    return found


class Tuner(keras_tuner.Tuner):
    def run_trial(self, trial):
        return {"score": trial.hyperparameters.get("a")}


@pytest.fixture
def tuner(tmp_path):
    oracle = Oracle(hyperparameters=space(), max_trials=4)
    return Tuner(oracle, directory=tmp_path, project_name="search")


def test_saves_trials(tuner):
    trial = tuner.oracle.create_trial("tuner0")
    assert tuner.oracle.saved == ["0"]
    tuner.oracle.update_trial(trial.trial_id, {"score": 1.0})
    trial.status = "COMPLETED"
    tuner.oracle.end_trial(trial)
    assert tuner.oracle.saved == ["0", "0", "0"]


def test_oracle_file_and_trial_file_and_tuner_file(tuner, tmp_path):
    folder = tmp_path / "search"
    oracle = tuner.oracle
    assert private.oracle_file(oracle) == folder / "oracle.json"
    assert private.tuner_file(tuner) == folder / "tuner0.json"
    trial = oracle.create_trial("tuner0")
    assert private.trial_file(oracle, trial) == folder / "trial_0/trial.json"
    tuner.save()
    # What is read again is what `get_state` gives, as JSON.
    for file, whose in (
        (private.oracle_file(oracle), oracle),
        (private.tuner_file(tuner), tuner),
    ):
        assert file.read_text() == json.dumps(whose.get_state())
    again = Oracle(hyperparameters=space(), max_trials=4)
    Tuner(again, directory=tmp_path, project_name="search")
    assert list(again.trials) == ["0"]
    private.trial_file(oracle, trial).unlink()
    another = Oracle(hyperparameters=space(), max_trials=4)
    with pytest.raises(RuntimeError, match="Error reloading"):
        Tuner(another, directory=tmp_path, project_name="search")


def test_drop_retries(tuner, tmp_path):
    for worker in ("one", "other"):
        tuner.oracle.create_trial(worker)
    tuner.save()
    oracle = Oracle(hyperparameters=space(), max_trials=4)
    Tuner(oracle, directory=tmp_path, project_name="search")
    # Both were under way, so both are run again, unless one is taken out.
    private.drop_retries(oracle, ["1"])
    again = [oracle.create_trial(worker).trial_id for worker in "ab"]
    assert again == ["0", "2"]


def combinations(oracle, first=0):
    """The values of a grid's further trials, in the order they begin."""
    found = []
    while True:
        trial = oracle.create_trial(f"tuner{first + len(found)}")
        if trial.status != "RUNNING":
            return found
        values = trial.hyperparameters.values
        found.append((values["a"], values["b"]))
        trial.status = "COMPLETED"
        oracle.update_trial(trial.trial_id, {"score": 1.0})
        oracle.end_trial(trial)


@pytest.mark.parametrize("restored", [True, False])
def test_restore_grid(restored, tmp_path):
    whole = Oracle(hyperparameters=space(), max_trials=4)
    Tuner(whole, directory=tmp_path / "whole")
    wanted = combinations(whole)
    assert wanted == [(0, 0), (0, 1), (1, 0), (1, 1)]
    cut = Oracle(hyperparameters=space(), max_trials=2)
    Tuner(cut, directory=tmp_path / "cut").save()
    assert combinations(cut) == wanted[:2]
    again = Oracle(hyperparameters=space(), max_trials=4)
    Tuner(again, directory=tmp_path / "cut")
    private.drop_retries(again, again.end_order)
    if restored:
        private.restore_grid(again)
    # KerasTuner itself forgets what is left, and ends.
    assert combinations(again, 2) == (wanted[2:] if restored else [])


class AfterAnother(Oracle):
    """A grid whose first trial is none of its combinations."""

    def populate_space(self, trial_id):
        if not self.start_order:
            return {"status": "RUNNING", "values": {"a": 0, "b": 0, "c": 1}}
        with private.without_first_trial(self):
            return super().populate_space(trial_id)


@pytest.mark.parametrize("cut_after", [1, 3, None])
def test_without_first_trial(cut_after, tmp_path):
    """A grid loses no combination to it, after a restart neither."""
    wanted = [(0, 0), (0, 0), (0, 1), (1, 0), (1, 1)]
    oracle = AfterAnother(hyperparameters=space(), max_trials=cut_after or 5)
    Tuner(oracle, directory=tmp_path).save()
    assert combinations(oracle) == wanted[:cut_after]
    if cut_after:
        again = AfterAnother(hyperparameters=space(), max_trials=5)
        Tuner(again, directory=tmp_path)
        private.drop_retries(again, again.end_order)
        private.restore_grid(again, outside=again.start_order[:1])
        assert combinations(again, cut_after) == wanted[cut_after:]
