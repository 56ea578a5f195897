"""Pictures, a small source model, and the command that most tests run."""

import json

import keras
import numpy as np
import pytest
from small_nets import photo_net

import keras_transfer as kt
from keras_transfer.cli import main
from keras_transfer.serving import saved_model
from keras_transfer.storage import files

COLOURS = {"blue": (40, 40, 200), "green": (40, 200, 40), "red": (200, 40, 40)}


@pytest.fixture(scope="session")
def photos(tmp_path_factory):
    """36 noisy pictures in three colours, a third of them for testing."""
    image = pytest.importorskip("PIL.Image")
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for part, count in (("train", 8), ("test", 4)):
        for name, colour in COLOURS.items():
            (folder / part / name).mkdir(parents=True)
            for index in range(count):
                noise = rng.integers(-40, 40, (20, 24, 3))
                pixels = np.clip(np.array(colour) + noise, 0, 255)
                picture = image.fromarray(pixels.astype("uint8"))
                picture.save(folder / part / name / f"{index}.png")
    return folder


@pytest.fixture(scope="session")
def backbone(tmp_path_factory):
    """The file of a small source model."""
    path = tmp_path_factory.mktemp("backbone") / "small.keras"
    photo_net((16, 16, 3)).save(path)
    return path


@pytest.fixture(scope="module")
def without_export():
    """No SavedModel: test_runs looks at the one of a run, others at none."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(saved_model, "export_saved_model", lambda *a, **k: a[1])
        yield


@pytest.fixture(scope="module")
def fit(photos, backbone, without_export):
    """A function that runs `fit` with a few more arguments."""
    pytest.importorskip("sklearn")
    pytest.importorskip("matplotlib")

    def fit(folder, *more, validation_split=0.1):
        options = ["--backbone", backbone, "--output", folder]
        options += ["--image-size", 16, "--batch-size", 8, "--epochs", 1]
        if validation_split is not None:
            options += ["--validation-split", validation_split]
        return main([str(x) for x in ("fit", photos, *options, *more)])

    return fit


@pytest.fixture
def run_and_photos(tmp_path, rng):
    """An untrained run, and eight photos that are in no parts."""
    image = pytest.importorskip("PIL.Image")
    for name in ("cat", "dog"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for index in range(4):
            pixels = rng.integers(0, 256, (9, 9, 3), dtype="uint8")
            path = tmp_path / "photos" / name / f"{index}.png"
            image.fromarray(pixels).save(path)
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
