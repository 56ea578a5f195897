"""The SavedModel gives the model's own numbers, without keras around."""

import json
import subprocess
import sys

import keras
import numpy as np
import pytest
from small_nets import conv_net

import keras_transfer as kt
from keras_transfer.serving import saved_model

tf = pytest.importorskip("tensorflow")

# `import tensorflow` imports keras where it finds it: make sure it does not.
ALONE = """
import json, sys
sys.modules["keras"] = sys.modules["keras_transfer"] = None
import numpy as np, tensorflow as tf
served = tf.saved_model.load(sys.argv[1]).signatures["serve"]
images = tf.constant(np.load(sys.argv[2]))
result = {k: v.numpy().tolist() for k, v in served(images).items()}
result["label"] = [name.decode() for name in result["label"]]
print(json.dumps(result))
"""


def small_net():
    return conv_net(4, 4, shape=(16, 16, 3), batch_norm=True)


@pytest.fixture
def images(rng):
    return rng.integers(0, 256, (5, 16, 16, 3), dtype="uint8")


def test_serves_raw_images_where_keras_is_not_imported(images, tmp_path):
    model = kt.TransferModel(small_net(), head=3, preprocessing="caffe")
    path = kt.export_saved_model(model, tmp_path / "m", ["cat", "dog", "eel"])
    np.save(tmp_path / "images.npy", images)
    outcome = subprocess.run(
        [sys.executable, "-c", ALONE, path, tmp_path / "images.npy"],
        capture_output=True,
        text=True,
    )
    assert outcome.returncode == 0, outcome.stderr
    served = json.loads(outcome.stdout.splitlines()[-1])
    expected = model.predict(images, verbose=0)
    np.testing.assert_allclose(served["scores"], expected, atol=1e-5)
    names = np.array(["cat", "dog", "eel"])
    assert served["label"] == names[expected.argmax(axis=1)].tolist()
    np.testing.assert_allclose(served["score"], expected.max(1), atol=1e-5)


HEADS = {
    "scores": kt.ClassificationHead(2, activation="sigmoid"),
    "values": kt.RegressionHead(2),
}


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="one backend is enough"
)
def test_a_head_of_several_levels(images, tmp_path):
    model = kt.TransferModel(small_net(), 3, preprocessing="tf", levels=2)
    model.level_scaling.learn_from(np.random.rand(9, 8).astype("float32"))
    path = kt.export_saved_model(model, tmp_path / "m", ["ant", "bee", "cat"])
    archive = tf.saved_model.load(str(path))
    served = archive.serve(images)
    expected = model.predict(images, verbose=0)
    np.testing.assert_allclose(served["scores"], expected, atol=1e-5)


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="one backend is enough"
)
@pytest.mark.parametrize("key", HEADS)
def test_other_heads_serve_what_they_are(images, tmp_path, key):
    head = type(HEADS[key]).from_config(HEADS[key].get_config())
    model = kt.TransferModel(small_net(), head=head)
    path = kt.export_saved_model(model, tmp_path / "m", ["left", "right"])
    archive = tf.saved_model.load(str(path))
    served = archive.serve(images[:2])
    assert "label" not in served
    np.testing.assert_allclose(
        served[key], model.predict(images[:2], verbose=0), atol=1e-5
    )


def test_another_process_exports_for_backends_without_tensorflow(
    images, tmp_path
):
    """What JAX and torch do; it works from TensorFlow too."""
    model = kt.TransferModel(small_net(), head=3, preprocessing="tf")
    saved_model._write_with_tensorflow(
        model, tmp_path / "m", ["ant", "bee", "cat"]
    )
    assert model.class_names is None
    archive = tf.saved_model.load(str(tmp_path / "m"))
    served = archive.serve(images)
    expected = model.predict(images, verbose=0)
    np.testing.assert_allclose(served["scores"], expected, atol=1e-5)
    assert set(served["label"].numpy()) <= {b"ant", b"bee", b"cat"}


def test_a_wrong_number_of_names_is_an_error(tmp_path):
    model = kt.TransferModel(small_net(), head=3)
    with pytest.raises(ValueError, match="2 names for 3 outputs"):
        kt.export_saved_model(model, tmp_path / "m", ["a", "b"])
    assert not list(tmp_path.iterdir())


def test_a_plain_model_is_sent_to_keras(tmp_path):
    with pytest.raises(ValueError, match=r"model\.export"):
        kt.export_saved_model(small_net(), tmp_path / "m", ["a"])
