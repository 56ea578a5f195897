"""A cache whose building is killed, or shared: no wrong number, nothing lost.

Killed are processes of their own; what goes on afterwards is this one.
"""

import signal
from pathlib import Path

import numpy as np
import pytest
from cached_build import NUM, VIEWS, train
from processes import start

SCRIPT = Path(__file__).with_name("interruptible_build.py")

pytestmark = pytest.mark.slow


def killed(cache, event, number):
    with start(SCRIPT, cache, cache / "none.npz", event, number) as process:
        for line in process.stdout:
            if line.strip() == "stopped":
                process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL


def read(path):
    with np.load(path) as file:
        arrays = dict(file)
    return int(arrays.pop("computed")), arrays


def assert_same(arrays, expected):
    assert arrays.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(arrays[name], array, err_msg=name)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    computed, arrays = train(tmp_path_factory.mktemp("fresh"))
    assert computed == VIEWS * NUM + 1
    return arrays


def test_a_build_that_is_killed_five_times_ends_as_a_new_one(fresh, tmp_path):
    cache = tmp_path / "cache"
    for event, number in (
        ("before", 0),
        ("middle", 1),
        ("after", 2),
        ("middle", 9),
        ("manifest", -1),
    ):
        killed(cache, event, number)
    computed, arrays = train(cache)
    # All files were there, only the manifest was not.
    assert computed == 1
    assert_same(arrays, fresh)
    # Nothing is left of what was being written.
    computed, arrays = train(cache)
    assert computed == 0
    assert_same(arrays, fresh)


@pytest.mark.parametrize("event", ["before", "middle", "after"])
def test_a_killed_build_goes_on_where_it_was(event, fresh, tmp_path):
    cache = tmp_path / "cache"
    killed(cache, event, 7)
    whole = {p.name for p in cache.glob("*/*.json")}
    assert len(whole) in (7, 8)
    computed, arrays = train(cache)
    assert computed == VIEWS * NUM + 1 - sum(
        min(8, NUM - 8 * int(name.split("-")[2][:5])) for name in whole
    )
    assert_same(arrays, fresh)


def test_two_processes_that_build_one_cache(fresh, tmp_path):
    cache = tmp_path / "cache"
    results = [tmp_path / "a.npz", tmp_path / "b.npz"]
    both = [start(SCRIPT, cache, result) for result in results]
    for process, result in zip(both, results, strict=True):
        with process:
            assert process.stdout.read().splitlines()[-1] == "done"
        assert process.returncode == 0
        assert_same(read(result)[1], fresh)
    computed, arrays = train(cache)
    assert computed == 0
    assert_same(arrays, fresh)
