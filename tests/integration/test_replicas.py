"""Several logical devices have one device's numbers."""

import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        keras.backend.backend() != "tensorflow",
        reason="tf.distribute is TensorFlow's; JAX has a script of its own",
    ),
]

SCRIPT = Path(__file__).with_name("train_on_replicas.py")
WAYS = [
    "head", "gradual", "layerwise", "l2sp", "batch_norm", "cached",
    "resumed", "fine_tuned", "searched", "py_dataset", "tf_data", "mixed",
]  # fmt: skip


def trained(backend, count, samples, *ways):
    environment = os.environ | {
        "KERAS_BACKEND": backend,
        "XLA_FLAGS": f"--xla_force_host_platform_device_count={count}",
    }
    command = [sys.executable, SCRIPT, str(count), str(samples), *ways]
    found = subprocess.run(
        command, capture_output=True, text=True, env=environment
    )
    assert found.returncode == 0, found.stderr[-3000:]
    return json.loads(found.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def one():
    return trained("tensorflow", 1, 120, *WAYS)


@pytest.fixture(scope="module")
def two():
    return trained("tensorflow", 2, 120, *WAYS)


def assert_equal(found, expected, tolerance):
    for name, values in expected.items():
        np.testing.assert_allclose(
            found[name], values, rtol=tolerance, atol=tolerance, err_msg=name
        )


@pytest.mark.parametrize("way", WAYS)
def test_two_devices_are_one(way, one, two):
    if way != "mixed":
        assert_equal(two[way], one[way], 1e-5)
        return
    # Of 120 samples, some lie where half floats decide.
    assert_equal(two[way], {"loss": one[way]["loss"]}, 1e-2)
    assert two[way]["test"][0] == pytest.approx(one[way]["test"][0], 1e-2)


def test_four_devices_are_one(one):
    four = trained("tensorflow", 4, 120, "gradual", "layerwise")
    for way, found in four.items():
        assert_equal(found, one[way], 1e-5)


def test_frozen_blocks_send_nothing():
    found = trained("tensorflow", 2, 24, "traffic")["traffic"]
    assert found["measured"] == found["said"]
    assert found["said"] == sorted(set(found["said"]))


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_samples_that_cannot_be_shared_equally(backend):
    """Training leaves one out of each pass, evaluation counts all."""
    if backend == "jax":
        pytest.importorskip("jax")
    ways = ["head", "py_dataset", "evaluated"]
    two = trained(backend, 2, 95, *ways)
    assert_equal(two["evaluated"], trained(backend, 1, 95, *ways)["evaluated"],
                 1e-6)  # fmt: skip
    for way in ("head", "py_dataset"):
        assert np.isfinite(two[way]["loss"]).all()
