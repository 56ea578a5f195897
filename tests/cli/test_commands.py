"""The command line, as a person uses it: one run, and all that follows."""

import csv
import json
import shutil

import keras
import numpy as np
import pytest

Image = pytest.importorskip("PIL.Image")
pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")

import keras_transfer as kt
from keras_transfer import data, recipes
from keras_transfer.cli import main
from keras_transfer.recipes import head_stage, plots, tuning_stage
from keras_transfer.serving import saved_model

COLOURS = {"blue": (40, 40, 200), "green": (40, 200, 40), "red": (200, 40, 40)}
ON_TENSORFLOW = keras.backend.backend() == "tensorflow"


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """30 noisy pictures in three colours, a third of them for testing."""
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for part, count in (("train", 8), ("test", 4)):
        for name, colour in COLOURS.items():
            (folder / part / name).mkdir(parents=True)
            for index in range(count):
                noise = rng.integers(-40, 40, (20, 24, 3))
                pixels = np.clip(np.array(colour) + noise, 0, 255)
                image = Image.fromarray(pixels.astype("uint8"))
                image.save(folder / part / name / f"{index}.png")
    return folder


@pytest.fixture(scope="module")
def backbone(tmp_path_factory):
    """The file of a small source model."""
    keras.utils.set_random_seed(0)
    layers = keras.layers
    inputs = keras.Input((16, 16, 3))
    x = layers.Rescaling(1 / 255)(inputs)
    x = layers.Conv2D(8, 3, activation="relu", name="first")(x)
    x = layers.Conv2D(8, 3, activation="relu", name="second")(x)
    path = tmp_path_factory.mktemp("backbone") / "small.keras"
    keras.Model(inputs, x, name="small").save(path)
    return path


@pytest.fixture(scope="module")
def fit(photos, backbone):
    """A function that runs `fit` with a few more arguments."""

    def fit(folder, *more):
        options = ["--backbone", backbone, "--output", folder]
        options += ["--image-size", 16, "--batch-size", 8, "--epochs", 1]
        return main([str(x) for x in ("fit", photos, *options, *more)])

    return fit


@pytest.fixture(autouse=True, scope="module")
def _export_on_tensorflow_only():
    # Elsewhere each export starts a TensorFlow process; test_export does that.
    if ON_TENSORFLOW:
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(saved_model, "export_saved_model", lambda *a, **k: a[1])
        yield


@pytest.fixture(scope="module")
def run(fit, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "run"
    assert fit(folder) == 0
    return folder


def test_fit_writes_all_there_is_to_a_run(run):
    names = {path.name for path in run.iterdir()}
    expected = {
        "classes.txt", "config.json", "curves.png", "history.csv",
        "metrics.json", "model.keras",
    }  # fmt: skip
    assert names == expected | ({"saved_model"} if ON_TENSORFLOW else set())
    assert (run / "classes.txt").read_text().split() == ["blue", "green", "red"]
    rows = list(csv.DictReader((run / "history.csv").open()))
    assert {row["stage"] for row in rows} == {"head", "fine-tune", "choice"}
    assert (run / "curves.png").read_bytes()[:4] == b"\x89PNG"


def test_fit_learns_what_can_be_learnt(run):
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["test"]["accuracy"] == 1.0
    assert metrics["test"]["confusion"] == [[4, 0, 0], [0, 4, 0], [0, 0, 4]]
    assert metrics["interrupted"] is False


def test_evaluate_says_what_fit_said(run, photos, capsys):
    assert main(["evaluate", str(run), str(photos), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    metrics = json.loads((run / "metrics.json").read_text())["test"]
    assert said["confusion"] == metrics["confusion"]
    assert said["loss"] == pytest.approx(metrics["loss"], rel=1e-5)


def test_evaluate_refuses_other_classes(run, photos, tmp_path, capsys):
    shutil.copytree(photos, tmp_path / "other")
    for part in ("train", "test"):
        (tmp_path / "other" / part / "red").rename(
            tmp_path / "other" / part / "pink"
        )
    assert main(["evaluate", str(run), str(tmp_path / "other")]) == 1
    assert "Expected: blue, green, red" in capsys.readouterr().err


def test_predict_equals_the_model_in_memory(run, photos, capsys):
    paths = [str(photos / "test" / name / "0.png") for name in COLOURS]
    assert main(["predict", str(run), *paths, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    model = kt.load_model(run / "model.keras")
    for result, path, name in zip(said, paths, COLOURS, strict=True):
        image = data.read_photo(path, (16, 16))
        scores = model.predict(image[None], verbose=0)[0]
        assert result["label"] == name
        assert result["score"] == float(scores.max())
        assert len(result["top"]) == 3


def test_predict_names_what_it_cannot_read_and_does_the_rest(
    run, photos, tmp_path, capsys
):
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"no photo")
    good = photos / "test" / "red" / "1.png"
    assert main(["predict", str(run), str(bad), str(good)]) == 1
    captured = capsys.readouterr()
    assert "bad.jpg" in captured.err
    assert "red" in captured.out


@pytest.mark.skipif(not ON_TENSORFLOW, reason="stubbed on other backends")
def test_export_writes_what_can_be_served(run, photos, tmp_path, capsys):
    import tensorflow as tf

    assert main(["export", str(run), "--to", str(tmp_path / "served")]) == 0
    assert str(tmp_path / "served") in capsys.readouterr().out
    image = data.read_photo(photos / "test" / "green" / "2.png", (16, 16))
    archive = tf.saved_model.load(str(tmp_path / "served"))
    assert archive.serve(image[None])["label"].numpy() == [b"green"]


def test_a_config_repeats_a_run_to_the_last_bit(run, tmp_path):
    again = tmp_path / "again"
    config = str(run / "config.json")
    assert main(["fit", "--config", config, "--output", str(again)]) == 0
    first, second = (
        json.loads((folder / "metrics.json").read_text())
        for folder in (run, again)
    )
    assert first["test"]["loss"] == pytest.approx(second["test"]["loss"])
    other = tmp_path / "other"
    arguments = ["--config", config, "--output", str(other), "--seed", "7"]
    assert main(["fit", *arguments]) == 0
    config = json.loads((other / "config.json").read_text())
    assert (config["seed"], config["image_size"]) == (7, 16)


def test_resume_goes_on_from_the_model_and_never_ends_below_it(fit, tmp_path):
    assert fit(tmp_path / "r") == 0
    before = json.loads((tmp_path / "r" / "metrics.json").read_text())
    assert fit(tmp_path / "r", "--resume", "--learning-rate", 5) == 0
    after = json.loads((tmp_path / "r" / "metrics.json").read_text())
    assert after["stages"][0]["stage"] == "start"
    assert after["validation"]["loss"] <= before["validation"]["loss"] + 1e-6


def test_few_shots_hidden_units_and_a_loss(fit, tmp_path):
    options = ["--shots", 2, "--head", "6", "--dropout", 0.1, "--epochs", 0]
    options += ["--loss", "sparse_categorical_crossentropy"]
    assert fit(tmp_path / "r", *options, "--max-minutes", 5) == 0
    config = json.loads((tmp_path / "r" / "config.json").read_text())
    assert config["num_samples"]["train"] == 6
    model = kt.load_model(tmp_path / "r" / "model.keras")
    assert model.head.hidden_units == (6,)


def test_ctrl_c_keeps_the_best_so_far_and_says_how_to_go_on(
    fit, tmp_path, capsys, monkeypatch
):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(tuning_stage.TuningStage, "run", interrupted)
    assert fit(tmp_path / "r") == 130
    assert "--resume" in capsys.readouterr().out
    model = kt.load_model(tmp_path / "r" / "model.keras")
    assert model.class_names == list(COLOURS)
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


WRONG = {
    "unknown backbone": (["digits", "--backbone", "Mobilnet"], "MobileNet"),
    "no data": (["nowhere/at/all"], "nowhere"),
    "no arguments": ([], "fit needs data"),
    "head of words": (["digits", "--head", "wide"], "whole numbers"),
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


def test_a_folder_that_cannot_be_written_is_found_before_training(
    fit, tmp_path, capsys, monkeypatch
):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(recipes, "fine_tune", None)
    assert fit(tmp_path / "file" / "run") == 1
    assert "Could not write" in capsys.readouterr().err


def test_a_folder_without_a_run_is_named(tmp_path, capsys):
    assert main(["predict", str(tmp_path), "x.png"]) == 1
    assert "does not hold a run" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["fly"], ["fit", "--epochs", "x"]])
def test_what_the_parser_refuses_is_exit_code_2(arguments):
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == 2


@pytest.mark.parametrize(
    "command",
    ["fit", "evaluate", "predict", "export", "demo", "backbones", "completion"],
)
def test_help_has_examples_and_exit_codes(command, capsys):
    with pytest.raises(SystemExit) as exit_:
        main([command, "--help"])
    assert exit_.value.code == 0
    text = capsys.readouterr().out
    assert f"keras-transfer {command}" in text
    assert "exit codes" in text


def test_backbones_lists_all_forty(capsys):
    assert main(["backbones", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert len(rows) == 40
    by_name = {row["name"]: row for row in rows}
    assert by_name["VGG16"]["num_blocks"] == 13
    assert main(["backbones", "resnet50"]) == 0
    assert "ResNet50V2" in capsys.readouterr().out
    assert main(["backbones", "resnet51"]) == 1


def test_completion_knows_the_commands(capsys):
    pytest.importorskip("shtab")
    assert main(["completion", "bash"]) == 0
    assert "--head-epochs" in capsys.readouterr().out


def test_curves_have_a_colour_for_each_stage(tmp_path):
    rows = [
        {"stage": "head", "loss": 1.0, "accuracy": 0.3},
        {"stage": "head", "loss": 0.8, "accuracy": 0.5},
        {"stage": "fine-tune", "loss": 0.5, "accuracy": 0.8},
    ]
    assert list(plots._spans(rows)) == [("head", 0, 2), ("fine-tune", 2, 3)]
    plots.plot_history(tmp_path / "c.png", rows)
    assert (tmp_path / "c.png").stat().st_size > 5000


@pytest.mark.slow
def test_match_from_a_run_to_another_model(
    run, backbone, photos, tmp_path, capsys
):
    folder = tmp_path / "matched"
    arguments = [
        "match", run, backbone, photos, "--weights", "none", "--shots", 4,
        "--image-size", 16, "--epochs", 2, "--output", folder,
    ]  # fmt: skip
    assert main([str(x) for x in arguments]) == 0
    printed = capsys.readouterr().out
    assert "CKA before" in printed and "logits" in printed
    rows = list(csv.DictReader((folder / "history.csv").open()))
    assert {"matching", "head"} <= {row["stage"] for row in rows}
    config = json.loads((folder / "config.json").read_text())
    assert config["shots"] == 4 and config["source"] == str(run)
    assert main(["evaluate", str(folder), str(photos)]) == 0
