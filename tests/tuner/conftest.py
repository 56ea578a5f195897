"""The source model and the data of all searches."""

import gc

import pytest
from small_nets import source_net
from small_searches import some_data


@pytest.fixture(autouse=True, scope="module")
def _heap_set_aside():
    """KerasTuner collects garbage often: let it pass over what stays."""
    gc.freeze()


@pytest.fixture(scope="module")
def source():
    return source_net()


@pytest.fixture
def data():
    return some_data()
