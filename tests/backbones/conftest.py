"""KerasHub, for the tests that need it."""

import pytest


@pytest.fixture
def keras_hub():
    return pytest.importorskip(
        "keras_hub", reason="keras-hub is not installed (the extra `hub`)"
    )
