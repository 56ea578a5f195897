"""`keras-transfer tune`: a search, its files, and `fit --config` after it."""

import csv
import json

import keras
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")
pytest.importorskip("keras_tuner")

from keras_transfer.cli import main
from keras_transfer.serving import saved_model

pytestmark = pytest.mark.any_backend


@pytest.fixture(scope="module")
def backbone(tmp_path_factory):
    keras.utils.set_random_seed(0)
    layers = keras.layers
    inputs = keras.Input((8, 8, 3))
    x = layers.Rescaling(1 / 255)(inputs)
    x = layers.Conv2D(8, 3, activation="relu", name="first")(x)
    x = layers.Conv2D(8, 3, activation="relu", name="second")(x)
    path = tmp_path_factory.mktemp("backbone") / "small.keras"
    keras.Model(inputs, x, name="small").save(path)
    return str(path)


@pytest.fixture
def tune(backbone, tmp_path, monkeypatch):
    """A function that runs `tune` on 10 digits a class."""
    monkeypatch.setattr(saved_model, "export_saved_model", lambda *a, **k: None)

    def tune(*more):
        options = ["--backbone", backbone, "--output", tmp_path / "tuned",
                   "--shots", 10, "--trials", 2, "--epochs", 2]  # fmt: skip
        return main(["tune", "digits", *map(str, [*options, *more])])

    return tune


def test_tune_and_the_recipe_it_writes(tune, tmp_path, capsys):
    assert tune() == 0
    folder = tmp_path / "tuned"
    out = capsys.readouterr().out
    assert "trial 2/2: val_accuracy" in out and "learning_rate" in out
    written = {path.name for path in folder.iterdir()}
    assert written >= {
        "best_recipe.json", "config.json", "model.keras", "metrics.json",
        "curves.png", "trials.csv", "trials.png", "search",
    }  # fmt: skip
    assert "features" not in written
    better = json.loads((folder / "metrics.json").read_text())["choices"][-1]
    assert better["choice"] == "better" and "fine_tune" in out
    assert f"Better: {better['value']} ({better['reason']})" in out
    assert f"'{folder / 'search'}' keeps the weights of trial " in out
    with (folder / "trials.csv").open() as file:
        rows = list(csv.DictReader(file))
    metrics = json.loads((folder / "metrics.json").read_text())
    assert len(rows) == 2
    assert float(rows[0]["score"]) == pytest.approx(
        metrics["validation"]["accuracy"], abs=1e-6
    )
    again = ["--config", folder / "best_recipe.json", "--output"]
    assert main(["fit", *map(str, [*again, tmp_path / "again"])]) == 0
    repeated = json.loads((tmp_path / "again" / "metrics.json").read_text())
    for part in ("validation", "test"):
        assert repeated[part]["loss"] == pytest.approx(
            metrics[part]["loss"], abs=1e-5
        )
    capsys.readouterr()
    # The same command again has nothing left to search.
    assert tune() == 0
    assert "Going on with the search" in (out := capsys.readouterr().out)
    assert "trial 1/2" not in out


def test_fewer_samples_than_a_batch(tune, capsys):
    assert tune("--shots", 1, "--trials", 1) == 0
    assert "batch_size" not in capsys.readouterr().out


def test_wrong(tune, tmp_path, capsys):
    assert tune("--objective", "val_auc") == 1
    assert "'val_auc' is not logged" in capsys.readouterr().err
    assert tune("--trials", 0) == 1
    assert "`--trials` is a whole number" in capsys.readouterr().err
    assert tune("--strategy", "moon") == 1
    assert "no strategy 'moon'" in capsys.readouterr().err
    config = tmp_path / "config.json"
    config.write_text('{"data": "digits", "recipe": "searched"}')
    assert main(["fit", "--config", str(config)]) == 1
    assert "best_recipe.json" in capsys.readouterr().err
