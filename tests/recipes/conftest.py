"""Pictures to train on, and others to validate on."""

import pytest
from small_recipes import pictures


@pytest.fixture
def data(rng):
    return pictures(rng, 64), pictures(rng, 32)
