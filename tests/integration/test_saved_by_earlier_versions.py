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

import keras_transfer as kt

FIXTURES = Path(__file__).parents[1] / "fixtures"


def saved_with(path):
    """The version of Keras that a `.keras` file says it was saved with."""
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read("metadata.json"))["keras_version"]


def version(text):
    return tuple(int(part) for part in text.split(".")[:2])


@pytest.mark.parametrize("name", ["transfer_model_0_1"])
def test_a_transfer_model_loads_predicts_and_goes_on(name):
    needed = saved_with(FIXTURES / f"{name}.keras")
    if version(keras.__version__) < version(needed):
        pytest.skip(f"saved by Keras {needed}, newer than {keras.__version__}")
    model = kt.load_model(FIXTURES / f"{name}.keras")
    known = np.load(FIXTURES / f"{name}.npz")
    assert model.class_names == ["ant", "bee", "cat"]
    assert model.trainable_depth == 1
    assert kt.trainable_blocks(model) == [model.blocks[-1].name]
    assert int(model.optimizer.iterations) == known["iterations"]
    scores = model.predict(known["images"], verbose=0)
    np.testing.assert_allclose(scores, known["scores"], atol=1e-4)
    kt.unfreeze(model)
    history = model.fit(known["images"], np.arange(12) % 3, verbose=0)
    assert np.isfinite(history.history["loss"][0])
