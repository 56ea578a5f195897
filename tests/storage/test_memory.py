"""Memory that is there to take, in a container too."""

import pytest

from keras_transfer.storage import memory

pytestmark = pytest.mark.any_backend


def test_the_system_says_how_much_memory_there_is():
    available = memory.available_bytes()
    assert available is None or available > 2**20


def test_the_limit_of_a_container_counts(tmp_path):
    (tmp_path / "memory.max").write_text("5000\n")
    (tmp_path / "memory.current").write_text("2000\n")
    assert memory._free_in_group(tmp_path) == 3000
    (tmp_path / "memory.max").write_text("max\n")
    assert memory._free_in_group(tmp_path) is None
    assert memory._free_in_group(tmp_path / "none") is None
