"""Whatever a recipe is given, as numbered samples."""

import numpy as np
import pytest
from doubles import Batches

from keras_transfer.data import data_adapter
from keras_transfer.data.batches import ArrayBatches
from keras_transfer.recipes.data_parts import hold_out, parts


@pytest.fixture
def arrays(rng):
    x = rng.normal(size=(40, 3)).astype("float32")
    return x, np.arange(40) % 4


def test_arrays_and_a_data_set_of_another_kind_are_the_same(arrays):
    train, validation = parts(
        arrays, Batches(*arrays, batch_size=10), batch_size=8, seed=3
    )
    assert (train.batch_size, train.seed, train.shuffle) == (8, 3, True)
    assert not validation.shuffle
    for batches in (train, validation):
        x, y = batches.read(np.arange(40))
        np.testing.assert_array_equal(x, arrays[0])
        np.testing.assert_array_equal(y, arrays[1])
        np.testing.assert_array_equal(batches.read_labels(), arrays[1])


def test_weights_are_kept(arrays):
    weights = np.linspace(0, 1, 40)
    train, _ = parts((*arrays, weights), None)
    np.testing.assert_allclose(train.read(np.arange(40))[2], weights)


def test_batches_stay_what_they_are(arrays):
    batches = ArrayBatches(*arrays, batch_size=5, seed=9)
    assert parts(batches, None, batch_size=8)[0] is batches


def test_a_part_is_held_out_class_by_class(arrays):
    train, validation = hold_out(ArrayBatches(*arrays), 0.2, seed=0)
    assert sorted(validation.read_labels()) == [0, 0, 1, 1, 2, 2, 3, 3]
    together = np.concatenate([train.indices, validation.indices])
    assert sorted(together) == list(range(40))
    assert not validation.shuffle and train.shuffle


def test_what_does_not_fit_into_memory_is_refused(arrays, monkeypatch):
    monkeypatch.setattr(data_adapter, "available_bytes", lambda: 200)
    with pytest.raises(MemoryError, match="is a Batches"):
        parts(Batches(*arrays, batch_size=10), None)


def test_generators_are_refused(arrays):
    with pytest.raises(ValueError, match="walked over again"):
        parts((batch for batch in [arrays]), None)
