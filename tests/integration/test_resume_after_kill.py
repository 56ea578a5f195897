"""A process that is killed five times ends as one that was not."""

import json
import signal
from pathlib import Path

import numpy as np
import pytest
from processes import start

from keras_transfer.storage import checkpoint_folder

SCRIPT = Path(__file__).with_name("interruptible_training.py")
BATCHES = 5


def run_until(line, *arguments):
    """Runs the script until it prints `line`, then kills it.

    Returns:
        All that it has printed.
    """
    said = []
    with start(SCRIPT, *arguments) as process:
        for each in process.stdout:
            said.append(each.strip())
            if said[-1] == line:
                process.send_signal(signal.SIGKILL)
                break
    assert process.returncode == -signal.SIGKILL, said
    return said


def ended(process):
    """Waits for a script to end; returns all that it has printed."""
    with process:
        said = process.stdout.read().splitlines()
    assert process.returncode == 0 and said[-1] == "done", said
    return said


def read(path):
    with np.load(path) as file:
        arrays = dict(file)
    return json.loads(str(arrays.pop("history"))), arrays


def batches(said):
    return [int(line.split()[1]) for line in said if line.startswith("batch")]


@pytest.mark.slow
def test_a_run_that_is_killed_five_times_ends_as_one_that_was_not(tmp_path):
    expected, result = tmp_path / "whole.npz", tmp_path / "parts.npz"
    folder = tmp_path / "parts"
    # Meanwhile.
    whole = start(SCRIPT, tmp_path / "whole", expected)

    rng = np.random.default_rng(11)
    early = np.sort(rng.choice(3 * BATCHES, 3, replace=False))
    late = rng.integers(4 * BATCHES, 6 * BATCHES)
    for batch in early:
        run_until(f"batch {batch}", folder, result)
        assert checkpoint_folder.read_last(folder)[1]["epoch"] == (
            batch // BATCHES
        )
    run_until("writing", folder, result, 4)
    assert list(folder.glob(".writing-*/epoch-00004/arrays.npz"))
    assert checkpoint_folder.read_last(folder)[1]["epoch"] == 3
    said = run_until(f"batch {late}", folder, result)
    assert batches(said)[0] == 3 * BATCHES
    said = ended(start(SCRIPT, folder, result))
    assert batches(said)[0] == late // BATCHES * BATCHES
    assert not folder.exists()

    ended(whole)
    history, arrays = read(result)
    wanted, wanted_arrays = read(expected)
    assert history == wanted
    assert history[0] == list(range(6))
    assert history[1]["trainable_blocks"] == [0, 1, 2, 1, 1, 2]
    assert arrays.keys() == wanted_arrays.keys()
    for name, array in wanted_arrays.items():
        np.testing.assert_array_equal(arrays[name], array, err_msg=name)
