"""`evaluate` in the corners, and the size a backbone brings."""

import io
import json
import sys

import keras
import numpy as np
import pytest

Image = pytest.importorskip("PIL.Image")

from keras_transfer import data
from keras_transfer.cli import main, training
from keras_transfer.serving import saved_model


def test_a_backbone_file_brings_its_image_size(tmp_path):
    path = str(tmp_path / "own.keras")
    inputs = keras.Input((12, 10, 3))
    keras.Model(inputs, keras.layers.Conv2D(2, 3)(inputs)).save(path)
    assert training._own_size(training.named_or_read(path)) == (12, 10)
    assert training._own_size(training.named_or_read("MobileNetV2")) is None


def test_class_weights_are_a_word_or_numbers_by_name():
    assert training.class_weight(None) is None
    assert training.class_weight("balanced") == "balanced"
    found = training.class_weight("cat=2, a=b=0.5")
    assert found == {"cat": 2.0, "a=b": 0.5}
    for text in ("even", "cat=two", "cat=2,"):
        with pytest.raises(ValueError, match="cat=2,dog=1"):
            training.class_weight(text)


def test_evaluate_all_takes_every_photo(run_and_photos, tmp_path, capsys):
    run, photos, model = run_and_photos
    assert main(["evaluate", run, photos, "--split", "all", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    matrix = np.zeros((2, 2), int)
    for label, name in enumerate(model.class_names):
        for index in range(4):
            path = tmp_path / "photos" / name / f"{index}.png"
            image = data.read_photo(path, 9)
            scores = model.predict(image[None], verbose=0)[0]
            matrix[label, scores.argmax()] += 1
    assert said["num_samples"] == 8
    assert said["confusion"] == matrix.tolist()
    assert said["accuracy"] == pytest.approx(matrix.trace() / 8)


def test_evaluate_says_which_parts_there_are(run_and_photos, tmp_path, capsys):
    run = run_and_photos[0]
    divided = tmp_path / "divided"
    divided.mkdir()
    (tmp_path / "photos").rename(divided / "train")
    assert main(["evaluate", run, str(divided), "--split", "test"]) == 1
    message = capsys.readouterr().err
    assert "--split test" in message and "divided into: train" in message
    assert main(["evaluate", run, str(divided)]) == 0
    assert "is not known: the run has no splits" in capsys.readouterr().out


def test_backbones_says_for_which_sizes_weights_are_here(
    tmp_path, monkeypatch, capsys
):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "mobilenet_1_0_160_tf_no_top.h5").touch()
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert main(["backbones", "mobilenet"]) == 0
    lines = capsys.readouterr().out.splitlines()
    words = [line.split() for line in lines if "M " in line]
    ends = {name: rest[-3:] for name, *rest in words}
    assert ends["MobileNet"] == ["for", "160", "px"]
    assert ends["MobileNetV2"][-1] == "no"


def test_a_name_that_tensorflow_cannot_write_is_refused_at_once(
    tmp_path, capsys
):
    folder = str(tmp_path / "run\udce9")
    assert main(["fit", "digits", "--output", folder]) == 1
    said = capsys.readouterr().err
    assert "not UTF-8" in said and "Choose another folder" in said
    assert not list(tmp_path.iterdir())


def test_output_of_less_than_utf_8_ends_no_command(monkeypatch):
    for name in ("stdout", "stderr"):
        stream = io.TextIOWrapper(io.BytesIO(), "ascii")
        monkeypatch.setattr(sys, name, stream)
    assert main(["backbones", "VGG16"]) == 0
    assert main(["backbones", "caf\u00e9"]) == 1
    sys.stdout.flush()
    sys.stderr.flush()
    assert b"-----" in sys.stdout.buffer.getvalue()
    assert rb"'caf\xe9'" in sys.stderr.buffer.getvalue()


def test_export_replaces_nothing_but_an_export(
    run_and_photos, tmp_path, capsys, monkeypatch
):
    written = []
    monkeypatch.setattr(
        saved_model, "export_saved_model",
        lambda model, path: written.append(str(path)) or path,
    )  # fmt: skip
    run, photos, _ = run_and_photos
    for target in (run, photos, f"{run}/model.keras"):
        assert main(["export", run, "--output", target]) == 1
        assert "would be replaced" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "saved_model.pb").touch()
    for name in ("new", "empty", "old"):
        assert main(["export", run, "--output", str(tmp_path / name)]) == 0
    assert main(["export", run]) == 0
    expected = [str(tmp_path / name) for name in ("new", "empty", "old")]
    assert written == [*expected, f"{run}/saved_model"]
