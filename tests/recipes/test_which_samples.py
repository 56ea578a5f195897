"""What a run is measured on: known again by content, seen or not."""

import numpy as np
import pytest

from keras_transfer.data.dataset import Dataset, LabelledInputs, Source, divide
from keras_transfer.data.dataset import to_dataset as as_dataset
from keras_transfer.data.sample_digests import sample_digests
from keras_transfer.recipes.run_splits import RunSplits
from keras_transfer.recipes.which_samples import ChosenSamples

pytestmark = pytest.mark.any_backend
RNG = np.random.default_rng(0)
X = RNG.integers(0, 256, (40, 4, 4, 3)).astype("uint8")
Y = np.arange(40) % 4


def dataset(rows, validation=0.0, test=0.0) -> Dataset:
    samples = LabelledInputs(X[rows], Y[rows])
    source = Source({"all": samples}, list("abcd"))
    return as_dataset(
        source, divide(source, validation, test, None, 0), {}, batch_size=8,
        seed=0,
    )  # fmt: skip


@pytest.fixture
def splits(tmp_path):
    data = dataset(np.arange(40), validation=0.25, test=0.25)
    assert data.num_samples == {"train": 22, "validation": 8, "test": 10}
    RunSplits.of(data).write(tmp_path)
    return RunSplits.read(tmp_path)


def digests(batches):
    return set(sample_digests(batches))


def test_the_test_samples_are_found_again_in_another_order(splits):
    shuffled = dataset(RNG.permutation(40)[:-1])
    for split in (None, "test"):
        found = ChosenSamples(shuffled, splits, split)
        expected = {r["digest"] for r in splits.rows if r["split"] == "test"}
        assert digests(found.batches) <= expected
        assert len(found.names) in (9, 10) and not found.was_seen.any()


def test_labels_go_with_their_samples(splits):
    found = ChosenSamples(dataset(np.arange(40)), splits)
    for x, y in found.batches:
        for one, label in zip(x, y, strict=True):
            assert Y[(one == X).all((1, 2, 3)).argmax()] == label


@pytest.mark.parametrize(
    ("split", "number", "seen"),
    [("train", 22, 22), ("validation", 8, 0), ("all", 40, 22)],
)
def test_another_part_of_the_run(splits, split, number, seen):
    found = ChosenSamples(dataset(np.arange(40)), splits, split)
    assert found.batches.num_samples == number
    assert found.was_seen.sum() == seen
    assert f"{seen} of them were seen" in found.seen_in_words


def test_of_what_is_new_all_is_taken(splits):
    global X
    before, X = X, 255 - X
    try:
        found = ChosenSamples(dataset(np.arange(40), test=0.5), splits)
    finally:
        X = before
    assert found.batches.num_samples == 40 and found.about == "all 40 samples"


def test_what_was_only_trained_on_measures_nothing(splits):
    known = [r["digest"] for r in splits.rows if r["split"] == "train"]
    every = sample_digests(dataset(np.arange(40)).train)
    rows = np.flatnonzero([digest in known for digest in every])
    with pytest.raises(ValueError, match=r"none of them is among these 22"):
        ChosenSamples(dataset(rows), splits)
    assert ChosenSamples(dataset(rows), splits, "all").was_seen.all()


def test_without_test_samples_what_is_unknown_is_taken():
    splits = RunSplits.of(dataset(np.arange(30)))
    found = ChosenSamples(dataset(np.arange(40)), splits)
    assert found.batches.num_samples == 10 and not found.was_seen.any()
    assert "does not know" in found.about


def test_a_sample_in_two_parts_counts_as_seen():
    """A copy of a training sample among the test samples."""
    data = dataset(np.r_[np.arange(40), np.arange(40)], test=0.5)
    found = ChosenSamples(data, RunSplits.of(data))
    assert 0 < found.was_seen.sum() < len(found.was_seen)


def test_a_run_without_the_file_knows_nothing(tmp_path):
    found = ChosenSamples(dataset(np.arange(40)), RunSplits.read(tmp_path))
    assert found.batches.num_samples == 40
    assert "is not known" in found.seen_in_words


def test_another_table_is_named(tmp_path):
    (tmp_path / "splits.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match=r"splits.csv.*Received the row"):
        RunSplits.read(tmp_path)
