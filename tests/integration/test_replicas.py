"""Several logical devices have one device's numbers."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest
from processes import printed_json

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        keras.backend.backend() != "tensorflow",
        reason="tf.distribute is TensorFlow's; JAX has a script of its own",
    ),
]

SCRIPT = Path(__file__).with_name("train_on_replicas.py")
WAYS = [
    "head", "gradual", "layerwise", "l2sp", "batch_norm",
    "precise_batch_norm", "cached", "resumed", "fine_tuned", "searched",
    "py_dataset", "tf_data", "mixed", "averaged",
    "native", "levels",
]  # fmt: skip
UNEVEN = ["head", "py_dataset", "evaluated"]
JOBS = {
    "one": (1, 120, WAYS),
    "two": (2, 120, WAYS),
    "four": (4, 120, ["gradual", "layerwise"]),
    "traffic": (2, 24, ["traffic"]),
    "kept": (2, 1200, ["arrays_kept"]),
    "uneven on two": (2, 95, UNEVEN),
    "uneven on one": (1, 95, ["evaluated"]),
    "few on one": (1, 96, ["few"]),
    "few on two": (2, 96, ["few"]),
    "few on four": (4, 96, ["few"]),
}


def trained(backend, devices, jobs):
    """Trains in one process, which starts once with all devices."""
    found = printed_json(
        SCRIPT,
        json.dumps([JOBS[name] for name in jobs]),
        KERAS_BACKEND=backend,
        XLA_FLAGS=f"--xla_force_host_platform_device_count={devices}",
    )
    return dict(zip(jobs, found, strict=True))


@pytest.fixture(scope="module")
def found():
    # TensorFlow's collective operations keep to one size of a group.
    of_four = ["four", "few on four"]
    others = [name for name in JOBS if name not in of_four]
    return {
        **trained("tensorflow", 1, others),
        **trained("tensorflow", 1, of_four),
    }


def assert_equal(found, expected, tolerance):
    for name, values in expected.items():
        np.testing.assert_allclose(
            found[name], values, rtol=tolerance, atol=tolerance, err_msg=name
        )


@pytest.mark.parametrize("way", WAYS)
def test_two_devices_are_one(way, found):
    one, two = found["one"][way], found["two"][way]
    if way != "mixed":
        assert_equal(two, one, 1e-5)
        return
    # Of 120 samples, some lie where half floats decide.
    assert_equal(two, {"loss": one["loss"]}, 1e-2)
    assert two["test"][0] == pytest.approx(one["test"][0], 1e-2)


def test_four_devices_are_one(found):
    assert len(found["four"]) == 2
    for way, four in found["four"].items():
        assert_equal(four, found["one"][way], 1e-5)


def test_the_arrays_of_a_data_set_stay_as_they_are(found):
    """Steps of one device compute in place where a slice is theirs alone."""
    assert found["kept"]["arrays_kept"] == {"changed": 0}


def test_frozen_blocks_send_nothing(found):
    traffic = found["traffic"]["traffic"]
    assert traffic["measured"] == traffic["said"]
    # Bytes of the head, 8 x 3 + 3 numbers, then also of the convolutions.
    convolutions = [(9 * 6 + 1) * 8, (9 * 4 + 1) * 6, (9 * 3 + 1) * 4]
    expected = 4 * np.cumsum([8 * 3 + 3, *convolutions])
    assert traffic["said"] == expected.tolist()


@pytest.mark.parametrize("count", ["two", "four"])
def test_batches_that_some_devices_get_nothing_of(count, found):
    expected = found["few on one"]["few"]
    assert_equal(found[f"few on {count}"]["few"], expected, 1e-5)


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_samples_that_cannot_be_shared_equally(backend, found):
    """Training leaves one out of each pass, evaluation counts all."""
    if backend == "jax":
        pytest.importorskip("jax")
        found = {
            **trained("jax", 1, ["uneven on one"]),
            **trained("jax", 2, ["uneven on two"]),
        }
    two = found["uneven on two"]
    assert_equal(two["evaluated"], found["uneven on one"]["evaluated"], 1e-6)
    for way in ("head", "py_dataset"):
        assert two[way]["loss"][-1] < two[way]["loss"][0]
