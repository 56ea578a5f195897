"""Files that a released version wrote load here, on every backend.

The expected scores were computed on TensorFlow, so this is also the check
that one file gives the same predictions on all three.
"""

import json
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
from processes import printed_json

import keras_transfer as kt

FIXTURES = Path(__file__).parents[1] / "fixtures"
# Nothing of the package is used before the file is loaded, which knows its
# classes by their registered names alone.
SCRIPT = """
import json, sys
import keras_transfer
import keras, numpy as np
model = keras.saving.load_model(sys.argv[1])
scores = model.predict(np.load(sys.argv[2])["images"], verbose=0)
print(json.dumps([type(model).__name__, scores.tolist()]))
"""


def saved_with(path):
    """The version of Keras that a `.keras` file says it was saved with."""
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read("metadata.json"))["keras_version"]


def version(text):
    return tuple(int(part) for part in text.split(".")[:2])


@pytest.fixture(params=["transfer_model_0_1"])
def name(request):
    """The name of a file that this Keras is new enough for."""
    needed = saved_with(FIXTURES / f"{request.param}.keras")
    if version(keras.__version__) < version(needed):
        pytest.skip(f"saved by Keras {needed}, newer than {keras.__version__}")
    return request.param


def test_a_transfer_model_loads_predicts_and_goes_on(name):
    model = kt.load_model(FIXTURES / f"{name}.keras")
    known = np.load(FIXTURES / f"{name}.npz")
    assert model.class_names == ["ant", "bee", "cat"]
    assert model.trainable_depth == 1
    assert kt.trainable_blocks(model) == [model.blocks[-1].name]
    assert int(model.optimizer.iterations) == known["iterations"]
    scores = model.predict(known["images"], verbose=0)
    np.testing.assert_allclose(scores, known["scores"], atol=1e-4)
    kt.unfreeze(model)
    stem = model.backbone.get_layer("stem")
    before = keras.ops.convert_to_numpy(stem.kernel).copy()
    model.fit(known["images"], np.arange(12) % 3, verbose=0)
    assert int(model.optimizer.iterations) == known["iterations"] + 1
    after = keras.ops.convert_to_numpy(stem.kernel)
    assert np.any(after != before) and np.isfinite(after).all()


def test_importing_the_package_is_enough_for_keras_to_load_it(name):
    kind, scores = printed_json(
        "-c", SCRIPT, FIXTURES / f"{name}.keras", FIXTURES / f"{name}.npz"
    )
    assert kind == "TransferModel"
    known = np.load(FIXTURES / f"{name}.npz")
    np.testing.assert_allclose(scores, known["scores"], atol=1e-4)
