"""Matching on two logical devices has one device's numbers."""

from pathlib import Path

import keras
import numpy as np
import pytest
from processes import printed_json

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        keras.backend.backend() != "tensorflow",
        reason="tf.distribute is TensorFlow's",
    ),
]

SCRIPT = Path(__file__).with_name("match_on_replicas.py")
DISTANCES = ["mse", "cosine", "attention", "gram", "nst", "kl", "dkd"]


@pytest.fixture(scope="module")
def runs():
    return printed_json(SCRIPT, *DISTANCES)


@pytest.mark.parametrize("distance", DISTANCES)
def test_two_devices_are_one(distance, runs):
    (one, weights), (two, others) = runs[distance]
    for name, values in one.items():
        np.testing.assert_allclose(
            two[name], values, rtol=1e-5, atol=1e-5, err_msg=name
        )
    for a, b in zip(weights, others, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
