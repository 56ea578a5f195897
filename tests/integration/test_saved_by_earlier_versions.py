"""Files that a released version wrote load here, on every backend.

The expected scores were computed on TensorFlow, so this is also the check
that one file gives the same predictions on all three.
"""

from pathlib import Path

import numpy as np
import pytest

import keras_transfer as kt

FIXTURES = Path(__file__).parents[1] / "fixtures"


@pytest.mark.parametrize("name", ["transfer_model_0_1"])
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
    history = model.fit(known["images"], np.arange(12) % 3, verbose=0)
    assert np.isfinite(history.history["loss"][0])
