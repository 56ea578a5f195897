"""`adapt`: another run for another style of photos, from the folder of one."""

import json

import numpy as np
import pytest

pytest.importorskip("PIL")
pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")

import keras_transfer as kt
from keras_transfer.cli import main

pytestmark = pytest.mark.any_backend
COLOURS = {"blue": (40, 40, 200), "green": (40, 200, 40), "red": (200, 40, 40)}


def run(*arguments):
    return main([str(x) for x in arguments])


@pytest.fixture(scope="module")
def trained(fit, tmp_path_factory):
    """Runs with a head on two levels, and on the last alone."""
    folder = tmp_path_factory.mktemp("runs")
    for name, levels in (("run", 2), ("plain", "last")):
        options = ["--effort", "quick", "--levels", levels]
        options += ["--epochs", 0, "--no-assess"]
        assert fit(folder / name, *options) == 0
    return folder


@pytest.fixture(scope="module")
def dark(tmp_path_factory):
    """The same three colours, of a third of the brightness."""
    image = pytest.importorskip("PIL.Image")
    folder, rng = tmp_path_factory.mktemp("dark"), np.random.default_rng(1)
    for name, colour in COLOURS.items():
        for index in range(12):
            pixels = np.array(colour) / 3 + rng.integers(-9, 9, (20, 24, 3))
            picture = image.fromarray(np.clip(pixels, 0, 255).astype("uint8"))
            picture.save(folder / f"{name}{index}.png")
    return folder


def test_the_adapted_run_is_another(trained, dark, photos, tmp_path, capsys):
    before = kt.load_model(trained / "run" / "model.keras")
    out = tmp_path / "adapted"
    options = ["--output", out, "--validation", photos / "train", "--json"]
    assert run("adapt", trained / "run", dark, *options) == 0
    told = json.loads(capsys.readouterr().out)
    assert set(told["class_shares"]) == set(COLOURS)
    assert sum(told["class_shares"].values()) == pytest.approx(1)
    assert told["num_unlabelled"] == 36
    assert told["expected_before"]["num_unlabelled"] == 36
    after = kt.load_model(out / "model.keras")
    same = kt.load_model(trained / "run" / "model.keras")
    for a, b in zip(before.get_weights(), same.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.allclose(
        after.level_scaling.centre, before.level_scaling.centre, atol=1e-3
    )
    config = json.loads((out / "config.json").read_text())
    assert config["adapted_from"] == str(trained / "run")
    assert run("predict", out, dark / "red0.png") == 0
    assert run("evaluate", out, photos) == 0


def test_the_text_says_that_estimates_decide_nothing(
    trained, dark, photos, capsys
):
    options = ["--validation", photos / "train", "--overwrite"]
    for _ in range(2):
        assert run("adapt", trained / "run", dark, *options) == 0
    out = capsys.readouterr().out
    assert "they decide nothing" in out
    assert "predicted classes: blue" in out
    assert (trained / "run_adapted" / "model.keras").is_file()


def test_fit_adapts_in_the_end(fit, dark, tmp_path, capsys):
    options = ["--effort", "quick", "--levels", 2, "--epochs", 0]
    assert fit(tmp_path / "r", *options, "--unlabelled", dark) == 0
    assert "adapted: <Adaptation" in capsys.readouterr().out
    config = json.loads((tmp_path / "r" / "config.json").read_text())
    assert config["unlabelled"] == str(dark)


@pytest.mark.parametrize(
    ("case", "message"),
    [
        (["plain", "DARK"], "There is nothing to adapt"),
        (["run", "nowhere"], "no folder 'nowhere'"),
        (["nothing", "DARK"], "does not hold a run"),
        (["run", "PHOTOS/test"], "Received: 12 in `unlabelled`"),
        (["run", "DARK", "--output", "run"], "the run itself"),
        (["run", "DARK", "--output", "plain"], "holds a run already"),
        (["run", "DARK", "--validation", "DARK"], "Expected"),
    ],
)
def test_what_cannot_be_adapted(
    trained, dark, photos, tmp_path, monkeypatch, capsys, case, message
):
    monkeypatch.chdir(trained)
    places = {"DARK": dark, "PHOTOS/test": photos / "test"}
    case = [places.get(each, each) for each in case]
    if "--output" not in case:
        case += ["--output", tmp_path / "adapted"]
    assert run("adapt", *case) == 1
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error


def test_another_recipe_does_not_adapt(fit, dark, tmp_path, capsys):
    options = ["--recipe", "two-stage", "--unlabelled", dark]
    assert fit(tmp_path / "r", *options) == 1
    assert "--unlabelled belongs to the recipe" in capsys.readouterr().err
