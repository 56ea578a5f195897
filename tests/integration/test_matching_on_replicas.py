"""Matching on two logical devices has one device's numbers."""

import json
import subprocess
import sys

import keras
import numpy as np
import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        keras.backend.backend() != "tensorflow",
        reason="tf.distribute is TensorFlow's",
    ),
]

SCRIPT = """
import contextlib, json, sys
import numpy as np
import tensorflow as tf

count, distances = int(sys.argv[1]), sys.argv[2:]
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(
    cpu, [tf.config.LogicalDeviceConfiguration()] * 2
)
import keras
import keras_transfer as kt

strategy = contextlib.nullcontext()
if count == 2:
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


def net(*widths):
    inputs = keras.Input((8, 8, 3))
    x = inputs
    for index, width in enumerate(widths):
        x = keras.layers.Conv2D(
            width, 3, activation="relu", name=f"conv{index}",
            bias_initializer="ones", kernel_regularizer="l2",
        )(x)
    return kt.TransferModel(
        keras.Model(inputs, x), 3, preprocessing="tf", weights=None
    )


rng = np.random.default_rng(0)
x = rng.uniform(0, 255, (32, 8, 8, 3)).astype("float32")
y = rng.integers(0, 3, 32)
weights = rng.uniform(0.5, 2.0, 32).astype("float32")


def trained(distance):
    keras.utils.set_random_seed(0)
    source, target = net(6, 8), net(4, 5)
    pairs = ["logits"] if distance in ("kl", "dkd") else "auto"
    matcher = kt.FeatureMatcher(target, source, pairs=pairs, loss=distance)
    matcher.compile(
        keras.optimizers.SGD(0.05), "sparse_categorical_crossentropy",
        weighted_metrics=["accuracy"], regularizer=kt.L2SP(0.1, 0.1),
    )
    return matcher


found = {}
for distance in distances:
    with strategy.scope() if count == 2 else strategy:
        matcher = trained(distance)
    history = matcher.fit(
        x, y, sample_weight=weights, batch_size=16, epochs=3, verbose=0
    ).history
    kept = [np.asarray(w).ravel().tolist() for w in matcher.get_weights()]
    found[distance] = history, kept
print(json.dumps(found))
"""


DISTANCES = ["mse", "cosine", "attention", "gram", "nst", "kl", "dkd"]


def trained(count):
    command = [sys.executable, "-c", SCRIPT, str(count), *DISTANCES]
    found = subprocess.run(command, capture_output=True, text=True)
    assert found.returncode == 0, found.stderr[-3000:]
    return json.loads(found.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def runs():
    return trained(1), trained(2)


@pytest.mark.parametrize("distance", DISTANCES)
def test_two_devices_are_one(distance, runs):
    (one, weights), (two, others) = (run[distance] for run in runs)
    for name, values in one.items():
        np.testing.assert_allclose(
            two[name], values, rtol=1e-5, atol=1e-5, err_msg=name
        )
    for a, b in zip(weights, others, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
