"""Fixtures that every test may use, and quiet logs."""

import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("MPLBACKEND", "Agg")

import keras
import numpy as np
import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(autouse=True)
def _seeded():
    keras.utils.set_random_seed(0)


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
