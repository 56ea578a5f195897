"""The command line, as a person uses it: one run, and all that follows."""

import csv
import json
import shutil
from pathlib import Path

import keras
import pytest

pytest.importorskip("PIL")
pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")

import keras_transfer as kt
from keras_transfer import data
from keras_transfer.cli import main
from keras_transfer.serving import saved_model

pytestmark = pytest.mark.any_backend

CLASSES = ["blue", "green", "red"]
EXPORT = saved_model.export_saved_model
ON_TENSORFLOW = keras.backend.backend() == "tensorflow"


@pytest.fixture(scope="module")
def run(fit, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "run"
    with pytest.MonkeyPatch.context() as patch:
        # Elsewhere an export starts a TensorFlow process; serving/ tests that.
        if ON_TENSORFLOW:
            patch.setattr(saved_model, "export_saved_model", EXPORT)
        assert fit(folder) == 0
    return folder


@pytest.fixture(scope="module")
def head_only(fit, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "head_only"
    assert fit(folder, "--epochs", "0") == 0
    return folder


def metrics_of(folder):
    return json.loads((folder / "metrics.json").read_text())


def test_fit_writes_all_there_is_to_a_run(run):
    names = {path.name for path in run.iterdir()}
    expected = {
        "assessment.json", "assessment.md", "classes.txt", "config.json",
        "curves.png", "history.csv", "metrics.json", "model.keras",
        "splits.csv", "unknown.npz",
    }  # fmt: skip
    assert names == expected | ({"saved_model"} if ON_TENSORFLOW else set())
    assert (run / "classes.txt").read_text().split() == ["blue", "green", "red"]
    rows = list(csv.DictReader((run / "history.csv").open()))
    assert {row["stage"] for row in rows} == {"head", "fine-tune", "choice"}
    assert (run / "curves.png").read_bytes()[:4] == b"\x89PNG"


def test_fit_learns_what_can_be_learnt(run):
    metrics = metrics_of(run)
    assert metrics["test"]["accuracy"] == 1.0
    assert metrics["test"]["confusion"] == [[4, 0, 0], [0, 4, 0], [0, 0, 4]]
    assert metrics["interrupted"] is False


def test_evaluate_says_what_fit_said(run, photos, capsys):
    assert main(["evaluate", str(run), str(photos), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    metrics = metrics_of(run)["test"]
    assert said["confusion"] == metrics["confusion"]
    assert said["loss"] == pytest.approx(metrics["loss"], rel=1e-5)


def test_evaluate_measures_the_samples_that_the_run_held_out(
    run, photos, tmp_path, capsys
):
    """Also after the folder has changed, and wherever they lie now."""
    for part in ("train", "test"):
        for path in sorted((photos / part).glob("*/*.png")):
            to = tmp_path / "other" / path.parent.name
            to.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, to / f"{part}-{path.name}")
    (tmp_path / "other" / "red" / "train-0.png").unlink()
    (tmp_path / "other" / "red" / "test-0.png").unlink()
    other = str(tmp_path / "other")
    assert main(["evaluate", str(run), other, "--json"]) == 0
    said, progress = capsys.readouterr()
    said = json.loads(said)
    assert said["num_samples"] == 11 and said["seen_in_training"] == 0
    assert "11 of the 12 test samples of the run" in progress
    assert main(["evaluate", str(run), other, "--split", "all", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    held_out = metrics_of(run)["validation"]["num_samples"]
    assert said["num_samples"] == 34
    assert 22 - held_out <= said["seen_in_training"] <= 23 - held_out


def test_evaluate_names_what_was_wrong(run, photos, tmp_path, capsys):
    """Here the labels are: two photos lie in another class' folder."""
    shutil.copytree(photos / "test", tmp_path / "new")
    for name in ("one.png", "two.png"):
        shutil.copy(photos / "test/red/0.png", tmp_path / "new/green" / name)
    assert main(["evaluate", str(run), str(tmp_path / "new")]) == 0
    text = capsys.readouterr().out
    assert "Measured on the 14 test samples of the run" in text
    lines = [x for x in text.splitlines() if "new/green/" in x]
    assert len(lines) == 2 and all("red" in line for line in lines)


def test_evaluate_takes_all_of_what_is_new(run, tmp_path, photos, capsys):
    image = pytest.importorskip("PIL.Image")
    for name, colour in {"blue": 0, "green": 1, "red": 2}.items():
        (tmp_path / "new" / name).mkdir(parents=True)
        pixels = [200 if i == (2, 1, 0)[colour] else 30 for i in range(3)]
        for size in (18, 19):
            image.new("RGB", (size, size), tuple(pixels)).save(
                tmp_path / "new" / name / f"{size}.png"
            )
    assert main(["evaluate", str(run), str(tmp_path / "new")]) == 0
    text = capsys.readouterr().out
    assert "all 6 samples. 0 of them were seen in training" in text


def test_evaluate_refuses_other_classes(run, photos, tmp_path, capsys):
    shutil.copytree(photos, tmp_path / "other")
    for part in ("train", "test"):
        (tmp_path / "other" / part / "red").rename(
            tmp_path / "other" / part / "pink"
        )
    assert main(["evaluate", str(run), str(tmp_path / "other")]) == 1
    assert "Expected: blue, green, red" in capsys.readouterr().err


def test_predict_equals_the_model_in_memory(run, photos, capsys):
    paths = [str(photos / "test" / name / "0.png") for name in CLASSES]
    assert main(["predict", str(run), *paths, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    model = kt.load_model(run / "model.keras")
    for result, path, name in zip(said, paths, CLASSES, strict=True):
        image = data.read_photo(path, (16, 16))
        scores = model.predict(image[None], verbose=0)[0]
        assert result["label"] == name
        # In a batch the last digits may differ.
        assert result["score"] == pytest.approx(scores.max(), rel=1e-5)
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


def black(folder, name):
    """A photo on which all features are 0, whatever the weights."""
    image = pytest.importorskip("PIL.Image")
    path = folder / f"{name}.png"
    image.new("RGB", (24, 20)).save(path)
    return str(path)


def test_predict_shows_unknown_beside_the_scores(
    head_only, photos, tmp_path, capsys
):
    known = str(photos / "test" / "red" / "0.png")
    other = black(tmp_path, "other")
    assert main(["predict", str(head_only), known, other, "--json"]) == 0
    said = capsys.readouterr()
    first, second = json.loads(said.out)
    assert first["unknown"]["is_unknown"] is False
    assert second["unknown"]["is_unknown"] is True
    about = metrics_of(head_only)["unknown"]
    assert first["unknown"]["threshold"] == about["threshold"]
    assert about["measured_on"] == "train"
    assert f"above {about['threshold']:.3f}" in said.err
    assert main(["predict", str(head_only), known, other]) == 0
    assert "yes, " in capsys.readouterr().out


def test_a_run_without_a_detector_predicts_as_before(
    head_only, photos, tmp_path, capsys
):
    paths = [str(photos / "test" / name / "0.png") for name in CLASSES]
    assert main(["predict", str(head_only), *paths, "--json"]) == 0
    with_unknown = json.loads(capsys.readouterr().out)
    shutil.copytree(head_only, tmp_path / "old")
    (tmp_path / "old" / "unknown.npz").unlink()
    assert main(["predict", str(tmp_path / "old"), *paths, "--json"]) == 0
    old = json.loads(capsys.readouterr().out)
    assert all("unknown" not in result for result in old)
    for result in with_unknown:
        del result["unknown"]
    assert old == with_unknown


def test_a_damaged_detector_costs_no_prediction(
    head_only, photos, tmp_path, capsys
):
    shutil.copytree(head_only, tmp_path / "damaged")
    path = tmp_path / "damaged" / "unknown.npz"
    path.write_bytes(path.read_bytes()[:100])
    photo = str(photos / "test" / "red" / "0.png")
    assert main(["predict", str(path.parent), photo, "--json"]) == 0
    said = capsys.readouterr()
    assert "no unknown score is shown" in said.err
    assert "unknown" not in json.loads(said.out)[0]


def test_predict_warns_of_thirty_photos_of_another_kind(
    head_only, photos, tmp_path, capsys
):
    known = sorted(map(str, (photos / "train").rglob("*.png")))
    known += sorted(map(str, (photos / "test").rglob("*.png")))
    others = [black(tmp_path, number) for number in range(30)]
    assert main(["predict", str(head_only), *others]) == 0
    assert "unlike the training data" in capsys.readouterr().out
    assert main(["predict", str(head_only), *known]) == 0
    assert "unlike the training data" not in capsys.readouterr().out


def test_fit_keeps_no_detector_where_none_is_wanted(run, fit, tmp_path):
    shutil.copytree(run, tmp_path / "again")
    options = ["--overwrite", "--no-unknown", "--epochs", "0"]
    assert fit(tmp_path / "again", *options) == 0
    # Not the one of the run before either, which is of another model.
    assert not (tmp_path / "again" / "unknown.npz").exists()
    assert "unknown" not in metrics_of(tmp_path / "again")


@pytest.mark.skipif(not ON_TENSORFLOW, reason="stubbed on other backends")
def test_export_writes_what_can_be_served(
    run, photos, tmp_path, capsys, monkeypatch
):
    import tensorflow as tf

    monkeypatch.setattr(saved_model, "export_saved_model", EXPORT)
    assert main(["export", str(run), "--output", str(tmp_path / "served")]) == 0
    assert str(tmp_path / "served") in capsys.readouterr().out
    image = data.read_photo(photos / "test" / "green" / "2.png", (16, 16))
    archive = tf.saved_model.load(str(tmp_path / "served"))
    assert archive.serve(image[None])["label"].numpy() == [b"green"]


def test_a_config_repeats_a_run_to_the_last_bit(run, tmp_path):
    config = str(run / "config.json")
    again, other = str(tmp_path / "again"), str(tmp_path / "other")
    assert main(["fit", "--config", config, "--output", again]) == 0
    first, second = (metrics_of(Path(folder)) for folder in (run, again))
    for part in ("validation", "test"):
        assert first[part]["loss"] == second[part]["loss"]
    # Another seed holds out other photos.
    arguments = ["--config", config, "--output", other, "--seed", "7"]
    assert main(["fit", *arguments, "--epochs", "0"]) == 0
    changed = json.loads(Path(other, "config.json").read_text())
    assert (changed["seed"], changed["image_size"]) == (7, 16)
    third = metrics_of(Path(other))
    assert first["validation"]["loss"] != third["validation"]["loss"]


def test_resume_goes_on_from_the_model_and_never_ends_below_it(
    run, fit, tmp_path
):
    shutil.copytree(run, tmp_path / "r")
    before = metrics_of(run)
    assert fit(tmp_path / "r", "--resume", "--learning-rate", 5) == 0
    after = metrics_of(tmp_path / "r")
    assert after["stages"][0]["stage"] == "start"
    assert after["validation"]["loss"] <= before["validation"]["loss"] + 1e-6


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
