"""Which share of fine-tuning is kept, and a head that is made less sure."""

import keras
import numpy as np
import pytest

import keras_transfer as kt
from keras_transfer.recipes import interpolation


def test_the_first_row_is_the_one_to_beat():
    first = {"share": 0, "val_loss": 1.0, "val_accuracy": 0.8}
    less_accurate = {"share": 1, "val_loss": 0.5, "val_accuracy": 0.79}
    worse = {"share": 0.5, "val_loss": 1.1, "val_accuracy": 0.9}
    better = {"share": 0.25, "val_loss": 0.9, "val_accuracy": 0.8}
    best_of = interpolation.best_of
    assert best_of([first, less_accurate, worse], 200) is first
    assert best_of([first, less_accurate, better], 200) is better
    # On fewer samples an accuracy says too little.
    assert best_of([first, less_accurate, better], 199) is less_accurate


def test_a_head_takes_a_temperature(rng):
    head = kt.ClassificationHead(4, hidden_units=(5,))
    x = rng.normal(size=(6, 8)).astype("float32")
    before = keras.ops.convert_to_numpy(head.logits(x))
    head._scale_logits(0.25)
    after = keras.ops.convert_to_numpy(head.logits(x))
    np.testing.assert_allclose(after, before / 4, rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match="above 0"):
        head._scale_logits(0.0)
