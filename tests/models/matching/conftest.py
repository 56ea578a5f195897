"""A trained source and labelled photos for tests of matching."""

import keras
import numpy as np
import pytest
from small_matching import NUM, SIZE, as_trained, net


@pytest.fixture
def data(rng):
    y = np.arange(NUM) % 3
    x = rng.uniform(0, 120, (NUM, *SIZE)) + 40.0 * y[:, None, None, None]
    return x.astype("float32"), y


@pytest.fixture
def source(rng):
    keras.utils.set_random_seed(1)
    return as_trained(net(8, 12, 12, weights=None), rng)
