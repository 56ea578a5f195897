"""The folder of a run while it is made: one writer, and nothing lost."""

import errno
import json
import shutil

import filelock
import keras
import numpy as np
import pytest

from keras_transfer.data.dataset import Dataset, LabelledInputs, Source, divide
from keras_transfer.data.dataset import to_dataset as as_dataset
from keras_transfer.recipes import run_in_progress
from keras_transfer.recipes.run_in_progress import begun

pytestmark = pytest.mark.any_backend
CONFIG = {"data": "digits", "learning_rate": 0.1, "epochs": None}


def dataset(change=0, number=8) -> Dataset:
    x = np.arange(number * 12).reshape(number, 2, 2, 3).astype("uint8")
    x += np.uint8(change)
    source = Source(
        {"all": LabelledInputs(x, np.arange(number) % 2)}, ["a", "b"]
    )
    parts = divide(source, 0.0, 0.25, None, 0)
    return as_dataset(source, parts, {}, batch_size=4, seed=0)


def leave_a_checkpoint(run):
    path = run.checkpoints / "fine-tune" / "epoch-00003"
    path.mkdir(parents=True, exist_ok=True)


def killed(folder, config=CONFIG, data=None):
    """What a run leaves that was killed after a checkpoint."""
    with begun(folder) as run:
        run.describe(config, data or dataset())
        leave_a_checkpoint(run)


def whole(folder):
    folder.mkdir()
    for name in ("model.keras", "config.json"):
        (folder / name).write_text("{}")


def test_a_run_that_fails_leaves_nothing(tmp_path):
    folder = tmp_path / "a" / "run"
    with pytest.raises(RuntimeError, match="boom"), begun(folder) as run:
        run.describe(CONFIG, dataset())
        raise RuntimeError("boom")
    assert not folder.exists()


def test_a_folder_that_was_there_stays(tmp_path):
    with pytest.raises(RuntimeError), begun(tmp_path):
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_a_whole_run_is_not_replaced_unasked(tmp_path):
    whole(tmp_path / "run")
    with pytest.raises(ValueError, match=r"holds a run.*--overwrite"):
        begun(tmp_path / "run").__enter__()
    assert sorted(p.name for p in (tmp_path / "run").iterdir()) == [
        "config.json",
        "model.keras",
    ]
    with begun(tmp_path / "run", overwrite=True) as run:
        assert not run.goes_on and not run.trains_further
    with begun(tmp_path / "run", resume=True) as run:
        assert not run.goes_on and run.trains_further


def test_an_unfinished_run_is_not_replaced_unasked(tmp_path):
    killed(tmp_path / "run")
    with pytest.raises(ValueError, match=r"was not finished.*--resume"):
        begun(tmp_path / "run").__enter__()
    with begun(tmp_path / "run", resume=True) as run:
        run.describe(CONFIG, dataset())
        assert run.goes_on and not run.trains_further
        run.end()
    with pytest.raises(FileNotFoundError, match="there is none"):
        begun(tmp_path / "run", resume=True).__enter__()


def test_what_trains_further_goes_on_as_that(tmp_path):
    whole(tmp_path / "run")
    for _ in range(2):
        with begun(tmp_path / "run", resume=True) as run:
            run.describe(CONFIG, dataset())
            assert run.trains_further
            leave_a_checkpoint(run)
    assert run.goes_on


def test_overwriting_begins_without_old_checkpoints(tmp_path):
    killed(tmp_path / "run")
    with begun(tmp_path / "run", overwrite=True) as run:
        assert not run.goes_on and not run.checkpoints.exists()


def test_one_process_at_a_time(tmp_path):
    with (
        begun(tmp_path / "run"),
        pytest.raises(ValueError, match="Another process"),
    ):
        begun(tmp_path / "run").__enter__()
    with begun(tmp_path / "run"):
        pass


def test_a_lock_that_a_kill_left_holds_nobody(tmp_path):
    (tmp_path / ".lock").touch()
    with begun(tmp_path):
        assert filelock.FileLock(tmp_path / ".lock").lock_file
    assert not (tmp_path / ".lock").exists()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"learning_rate": 0.2}, "learning_rate 0.2 after 0.1"),
        ({"epochs": 3}, "epochs 3 after None"),
        ({"data": "other"}, "data 'other' after 'digits'"),
    ],
)
def test_it_says_what_another_run_would_be(tmp_path, change, said):
    killed(tmp_path)
    with begun(tmp_path, resume=True) as run:
        with pytest.raises(ValueError, match=said):
            run.describe(CONFIG | change, dataset())
        # Nothing has changed by asking.
        run.describe(CONFIG, dataset())


def test_it_says_which_samples_are_others(tmp_path):
    killed(tmp_path)
    with begun(tmp_path, resume=True) as run:
        with pytest.raises(ValueError, match=r"changed.*2 \(.*\) new, 0 gone"):
            run.describe(CONFIG, dataset(number=10))
        with pytest.raises(ValueError, match=r"8 .* new, 8 .* gone"):
            run.describe(CONFIG, dataset(change=1))


def test_the_options_to_resume_with(tmp_path):
    whole(tmp_path / "run")
    path = run_in_progress.config_to_resume(tmp_path / "run")
    assert path == tmp_path / "run" / "config.json"
    shutil.rmtree(tmp_path / "run")
    killed(tmp_path / "run")
    found = run_in_progress.config_to_resume(tmp_path / "run").read_text()
    assert json.loads(found)["learning_rate"] == 0.1


@pytest.fixture
def model():
    inputs = keras.Input((10,))
    return keras.Model(inputs, keras.layers.Dense(1000)(inputs))


def test_space_is_kept_and_given_back(tmp_path, model):
    with begun(tmp_path) as run:
        run.reserve(model)
        room = tmp_path / "unfinished" / "room"
        if room.exists():
            # 10 numbers and a bias for each of 1000, and some air.
            assert room.stat().st_size == 2.5 * 4 * 11_000 + (4 << 20)
            assert room.stat().st_blocks * 512 >= room.stat().st_size
        run.release()
        assert not room.exists()


def test_a_disk_that_is_too_small_is_told_before(tmp_path, model, monkeypatch):
    monkeypatch.setattr(run_in_progress, "free_bytes", lambda folder: 4_000_000)
    with begun(tmp_path) as run:
        with pytest.raises(OSError, match=r"4,000,000 are free") as error:
            run.reserve(model)
        assert error.value.errno == errno.ENOSPC


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"'.*run' cannot be written.*--output"):
        begun(tmp_path / "file" / "run").__enter__()
