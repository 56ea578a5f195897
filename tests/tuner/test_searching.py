"""`search`: trials that fail, are killed, go on, and can be repeated."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from small_nets import source_net

import keras_transfer as kt
from keras_transfer.storage import memory
from keras_transfer.tuner import trial

pytest.importorskip("keras_tuner")

compiles_anew = pytest.mark.skipif(
    keras.backend.backend() == "jax",
    reason="JAX compiles each trial anew; one search is enough there.",
)
SPACE = {
    "learning_rate": (1e-3, 1e-1, "log"),
    "batch_size": [10, 20],
    "fine_tuned_share": [0.0, 0.5],
    "fine_tuning_rate": (1e-4, 1e-2, "log"),
}
GRID = {"batch_size": [10, 20], "hidden_units": [0, 4]}


@pytest.fixture(scope="module")
def source():
    return source_net()


def some_data():
    rng = np.random.default_rng(0)
    y = np.arange(60) % 3
    x = rng.uniform(0, 100, (60, 8, 8, 3)) + 50 * y[:, None, None, None]
    x = x.astype("float32")
    return (x[:40], y[:40]), (x[40:], y[40:])


@pytest.fixture
def data():
    return some_data()


def hypermodel(source, space=None, **options):
    return kt.TransferHyperModel(
        3, backbones=[source], space=SPACE if space is None else space,
        **options,
    )  # fmt: skip


def searched(source, data, folder, **options):
    options = {"trials": 3, "epochs": 3, "verbose": 0} | options
    space = options.pop("space", None)
    return kt.search(
        hypermodel(source, space), *data, directory=folder, **options
    )


@pytest.mark.parametrize(
    "tuner",
    [
        "random",
        pytest.param("bayesian", marks=compiles_anew),
        pytest.param("grid", marks=compiles_anew),
    ],
)
def test_search(tuner, source, data, tmp_path, capsys):
    folder = tmp_path / "found"
    result = searched(
        source, data, folder, tuner=tuner, keep_checkpoints=2, verbose=1
    )
    assert [row["status"] for row in result.trials] == ["COMPLETED"] * 3
    scores = [row["score"] for row in result.trials]
    assert scores == sorted(scores, reverse=True)
    lines = capsys.readouterr().out.splitlines()
    assert sum(line.startswith("trial ") for line in lines) == 3
    # The model is that of the best epoch of the best trial.
    logs = result.model.evaluate(*data[1], verbose=0, return_dict=True)
    assert logs["accuracy"] == pytest.approx(scores[0], abs=1e-6)
    assert result.best["val_accuracy"] == pytest.approx(scores[0], abs=1e-6)
    kept = list(folder.glob("trial_*/checkpoint.weights.h5"))
    assert {path.parent.name for path in kept} == {
        f"trial_{row['trial']}" for row in result.trials[:2]
    }
    assert "val_accuracy" in result.table().splitlines()[1]
    assert len(result.plot().axes) >= 2


def test_recipe_repeats_the_best_trial(source, data, tmp_path):
    result = searched(source, data, tmp_path)
    recipe = json.loads(json.dumps(result.recipe))
    settings = trial.Settings(**recipe["hyperparameters"])
    model = trial.build(
        settings, source, 3, input_shape=None, weights="imagenet",
        seed=recipe["seed"],
    )  # fmt: skip
    again = kt.tuner.repeat_trial(
        model, settings, *data, epochs=recipe["epochs"],
        head_epochs=recipe["head_epochs"], verbose=0,
    )  # fmt: skip
    assert again.best["val_loss"] == pytest.approx(
        result.best["val_loss"], abs=1e-6
    )
    for mine, others in zip(
        model.get_weights(), result.model.get_weights(), strict=True
    ):
        np.testing.assert_allclose(mine, others, atol=1e-6)


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
from pathlib import Path
sys.path[:0] = sys.argv[2:]
import test_searching
from keras_transfer import trial
begun, train = [], trial.train

def killed(*args, **options):
    begun.append(1)
    if len(begun) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return train(*args, **options)

trial.train = killed
test_searching.searched(
    test_searching.source_net(), test_searching.some_data(), sys.argv[1],
    trials=6, epochs=1,
)
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="There is no SIGKILL on Windows.")
def test_survives_sigkill(source, data, tmp_path):
    folder = tmp_path / "search"
    here = Path(__file__).parents
    folders = [str(here[1]), str(here[2])]
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT, str(folder), *folders],
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    before = {
        path: path.read_text() for path in folder.glob("trial_*/history.json")
    }
    assert len(before) == 2
    result = searched(source, data, folder, trials=6, epochs=1)
    assert sorted(row["trial"] for row in result.trials) == list("012345")
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
            model.optimizer.learning_rate = float("nan")
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


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow",
    reason="This is what TensorFlow keeps.",
)
def test_graphs_of_trials_are_let_go(source, data, tmp_path):
    before = len(memory._gradients())
    searched(source, data, tmp_path, trials=2)
    assert len(memory._gradients()) == before
    another = source_net()
    another.compile("sgd", "mse")
    another.fit(data[0][0], np.zeros((40, 8, 8, 8)), verbose=0)
    assert len(memory._gradients()) > before


class TestWrong:
    @pytest.mark.parametrize(
        "options, message",
        [
            ({"trials": 0}, "`trials` is a whole number"),
            ({"epochs": 1.5}, "`epochs` is a whole number"),
            ({"keep_checkpoints": 0}, "`keep_checkpoints`"),
            ({"tuner": "hyperband"}, "keras_tuner.Hyperband"),
            ({"objective": "val_auc"}, "'val_auc' is not logged"),
            ({"space": {"batch_size": [8, 64]}}, "batch of 64 is more than"),
            (
                {"space": {"batch_size": (8, 64, "log")}},
                "batch of 64 is more than",
            ),
            ({"space": {"dropout": 0.1}}, "nothing to search"),
        ],
    )
    def test_before_the_first_trial(
        self, options, message, source, data, tmp_path, monkeypatch
    ):
        monkeypatch.delattr(trial, "train")
        with pytest.raises(ValueError, match=message):
            searched(source, data, tmp_path, **options)

    @compiles_anew
    def test_another_search_is_there(self, source, data, tmp_path):
        searched(source, data, tmp_path, trials=1, epochs=1)
        with pytest.raises(ValueError, match="another search: its epochs is 1"):
            searched(source, data, tmp_path, trials=1, epochs=2)
        mine = tmp_path / "mine.json"
        mine.write_text("{}")
        result = searched(
            source, data, tmp_path, trials=1, epochs=2, overwrite=True
        )
        assert len(result.history) == 2 and mine.exists()
        (tmp_path / "search.json").unlink()
        with pytest.raises(ValueError, match="search of KerasTuner's own"):
            searched(source, data, tmp_path)

    def test_folder_that_cannot_be_written(self, source, data, tmp_path):
        (tmp_path / "file").write_text("")
        with pytest.raises(OSError, match="Could not write"):
            searched(source, data, tmp_path / "file" / "search")

    def test_objective_in_plain_keras_tuner(self, source, data, tmp_path):
        import keras_tuner

        tuner = keras_tuner.RandomSearch(
            hypermodel(source),
            objective=keras_tuner.Objective("val_auc", "max"),
            max_trials=1, directory=tmp_path,
        )  # fmt: skip
        with pytest.raises(ValueError, match="'val_auc' is not logged"):
            tuner.search(*data[0], validation_data=data[1], verbose=0)
