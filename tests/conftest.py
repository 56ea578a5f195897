"""Fixtures that every test may use, and quiet logs."""

import gc
import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("MPLBACKEND", "Agg")

import keras
import numpy as np
import pytest
from small_nets import residual_net

from keras_transfer import _private

# Folders whose slow tests take most of their time to trace graphs.
TRACED = ("callbacks", "models", "recipes")
SHARED = Path(__file__).resolve().parents[2] / "shared"


def pytest_collection_modifyitems(items):
    """Marks the slow tests that CI runs on torch alone, which has no graphs."""
    # Those that run once, whatever the backend, run on TensorFlow.
    elsewhere = {"on_graphs", "any_backend"}
    folders = [Path(__file__).parent / name for name in TRACED]
    for item in items:
        marks = {mark.name for mark in item.iter_markers()}
        is_there = any(folder in item.path.parents for folder in folders)
        if is_there and "slow" in marks and not elsewhere & marks:
            item.add_marker("traced")


@pytest.fixture(autouse=True)
def _seeded():
    keras.utils.set_random_seed(0)


@pytest.fixture(autouse=True, scope="module")
def _small_heap():
    """Lets go of a file's models, and spares what stays from being searched.

    Keras and KerasTuner collect garbage often: over all that hundreds of tests
    leave behind, this takes longer than the tests.
    """
    yield
    _private.forget_step_gradients()
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def keras_home():
    """The folder with real ImageNet weights, or a skip that says why."""
    home = SHARED / "keras_home"
    if not home.is_dir():
        pytest.skip(f"the real ImageNet weights are not at {home}")
    return home


@pytest.fixture(scope="session")
def photo_zips():
    """The folder with zipped photo data sets, or a skip that says why."""
    folder = SHARED / "datasets"
    if not folder.is_dir():
        pytest.skip(f"the photo data sets are not at {folder}")
    return folder


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def tiny_cnn():
    """A factory of small residual nets with batch norm: five blocks."""

    return residual_net


@pytest.fixture
def pictures(rng):
    """24 pictures of 16 x 16 pixels in 0..255 in three classes."""
    labels = np.arange(24) % 3
    x = rng.uniform(0, 80, (24, 16, 16, 3)) + 80.0 * labels[:, None, None, None]
    return x.astype("float32"), labels
