"""`fit` with other options, stopped by Ctrl-C, and refused."""

import json

import pytest

pytest.importorskip("PIL")
pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")

import keras_transfer as kt
from keras_transfer import recipes
from keras_transfer.cli import main
from keras_transfer.recipes import full_tuning, head_stage, label_counts


def test_few_shots_hidden_units_augmentation_and_class_weights(fit, tmp_path):
    options = ["--shots", 2, "--head", "6", "--dropout", 0.1, "--epochs", 0]
    options += ["--loss", "sparse_categorical_crossentropy"]
    options += ["--head-epochs", 2, "--augmentation", "light"]
    options += ["--class-weights", "balanced", "--levels", 2]
    assert fit(tmp_path / "r", *options, "--max-minutes", 5) == 0
    config = json.loads((tmp_path / "r" / "config.json").read_text())
    assert config["num_samples"]["train"] == 6
    model = kt.load_model(tmp_path / "r" / "model.keras")
    assert model.head.hidden_units == (6,)
    assert config["augmentation"] == model.augmentation.layer.name == "light"
    assert config["class_weights"] == "balanced"
    assert config["levels"] == "2" and len(model.levels) == 1
    metrics = json.loads((tmp_path / "r" / "metrics.json").read_text())
    assert "class weights" in [c["choice"] for c in metrics["choices"]]
    assert 0 <= metrics["test"]["balanced_accuracy"] <= 1


@pytest.mark.parametrize(
    ("few", "split", "recipe", "expected"),
    [
        (50, None, "auto", 0.0),
        (8, None, "auto", 0.1),
        (50, 0.25, "auto", 0.25),
        (50, None, "two-stage", 0.1),
    ],
)
def test_of_few_labels_nothing_is_held_out_unless_asked(
    fit, tmp_path, monkeypatch, few, split, recipe, expected
):
    seen = {}

    def noted(model, data, **options):
        seen.update(data.num_samples)
        raise StopError("here it would train")

    for name in ("fine_tune", "two_stage"):
        monkeypatch.setattr(recipes, name, noted)
    monkeypatch.setattr(label_counts, "FEW", few)
    options = ["--recipe", recipe]
    assert fit(tmp_path / "r", *options, validation_split=split) == 1
    held_out = seen.get("validation", 0)
    assert held_out == round(24 * expected)
    assert seen["train"] == 24 - held_out


def test_ctrl_c_keeps_the_best_so_far_and_says_how_to_go_on(
    fit, tmp_path, capsys, monkeypatch
):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(full_tuning.FullTuningStage, "run", interrupted)
    assert fit(tmp_path / "r") == 130
    assert "--resume" in capsys.readouterr().out
    model = kt.load_model(tmp_path / "r" / "model.keras")
    assert model.class_names == ["blue", "green", "red"]
    metrics = json.loads((tmp_path / "r" / "metrics.json").read_text())
    assert metrics["interrupted"] and metrics["best"]["stage"] == "head"


def test_ctrl_c_before_there_is_anything_leaves_no_model(
    fit, tmp_path, monkeypatch
):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(head_stage, "pooled_once", interrupted)
    assert fit(tmp_path / "r") == 130
    assert not (tmp_path / "r" / "model.keras").exists()


class StopError(ValueError):
    pass


@pytest.mark.parametrize("recipe", ["fine_tune", "two_stage"])
def test_the_options_reach_the_recipe(fit, tmp_path, monkeypatch, recipe):
    seen = {}

    def noted(model, data, **options):
        seen.update(options)
        raise StopError("here it would train")

    monkeypatch.setattr(recipes, recipe, noted)
    more = ["--recipe", "two-stage"]
    if recipe == "fine_tune":
        more = ["--effort", "best", "--mixing", "mixup"]
    more += ["--seed", 3, "--blocks", 2, "--learning-rate", 0.5]
    more += ["--batch-size", 4, "--layer-decay", 0.7, "--optimizer", "sgd"]
    more += ["--l2sp", 0.1, "--weight-decay", 0.2, "--gradual"]
    more += ["--head-epochs", 5, "--head-learning-rate", 0.3]
    assert fit(tmp_path / "r", *more) == 1
    wanted = {
        "seed": 3, "epochs": 1, "blocks": 2, "learning_rate": 0.5,
        "layer_decay": 0.7, "optimizer": "sgd", "l2sp": 0.1,
        "weight_decay": 0.2, "gradual": True, "head_epochs": 5,
        "head_learning_rate": 0.3,
    }  # fmt: skip
    if recipe == "fine_tune":
        wanted |= {"batch_size": 4, "effort": "best", "mixing": "mixup"}
    assert {name: seen[name] for name in wanted} == wanted


WRONG = {
    "unknown backbone": (["digits", "--backbone", "Mobilnet"], "MobileNet"),
    "no data": (["nowhere/at/all"], "nowhere"),
    "no arguments": ([], "fit needs data"),
    "head of words": (["digits", "--head", "wide"], "whole numbers"),
    "an effort of another recipe": (
        ["digits", "--effort", "best", "--recipe", "two-stage"],
        "--effort belongs to the recipe 'auto'",
    ),
    "missing config": (["--config", "none.json"], "no file 'none.json'"),
    "missing weights": (
        ["digits", "--image-size", "32", "--weights", "none.h5"],
        "none.h5",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_arguments_are_explained_without_a_traceback(
    case, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    arguments, message = WRONG[case]
    assert main(["fit", *arguments, "--output", "r"]) == 1
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error


def test_texts_are_for_python_so_far(tmp_path, capsys):
    pytest.importorskip("pandas")
    path = tmp_path / "t.csv"
    path.write_text("text,label\n" + "a,b\nc,d\n" * 5)
    assert main(["fit", str(path), "--output", str(tmp_path / "r")]) == 1
    error = capsys.readouterr().err
    assert "The command line knows photos. Received: texts" in error


def test_a_folder_that_cannot_be_written_is_found_before_training(
    fit, tmp_path, capsys, monkeypatch
):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(recipes, "fine_tune", None)
    assert fit(tmp_path / "file" / "run") == 1
    assert "cannot be written" in capsys.readouterr().err
