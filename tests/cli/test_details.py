"""`evaluate` and `predict` in the corners, and the size a backbone brings."""

import json

import keras
import numpy as np
import pytest

Image = pytest.importorskip("PIL.Image")

import keras_transfer as kt
from keras_transfer import data
from keras_transfer.cli import main, training
from keras_transfer.storage import files


def test_a_backbone_file_brings_its_image_size(tmp_path):
    path = str(tmp_path / "own.keras")
    inputs = keras.Input((12, 10, 3))
    keras.Model(inputs, keras.layers.Conv2D(2, 3)(inputs)).save(path)
    assert training._own_size(training.named_or_read(path)) == (12, 10)
    assert training._own_size(training.named_or_read("MobileNetV2")) is None


@pytest.fixture
def run_and_photos(tmp_path, rng):
    """An untrained run, and eight photos that are in no parts."""
    for name in ("cat", "dog"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for index in range(4):
            pixels = rng.integers(0, 256, (9, 9, 3), dtype="uint8")
            path = tmp_path / "photos" / name / f"{index}.png"
            Image.fromarray(pixels).save(path)
    inputs = keras.Input((9, 9, 3))
    body = keras.layers.Conv2D(4, 3, activation="relu")(inputs)
    model = kt.TransferModel(keras.Model(inputs, body), head=2)
    model.class_names = ["cat", "dog"]
    model.compile("auto")
    files.save_model(model, tmp_path / "run" / "model.keras")
    config = {
        "input_shape": [9, 9, 3],
        "batch_size": 3,
        "validation_split": 0.25,
        "seed": 0,
    }
    (tmp_path / "run" / "config.json").write_text(json.dumps(config))
    return str(tmp_path / "run"), str(tmp_path / "photos"), model


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


def test_predict_names_a_bad_photo_once(run_and_photos, tmp_path, capsys):
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"")
    assert main(["predict", run_and_photos[0], str(bad)]) == 1
    assert capsys.readouterr().err.count("bad.png") == 1
