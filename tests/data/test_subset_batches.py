"""Some samples of a data set, as a data set of their own."""

import numpy as np
import pytest

from keras_transfer.data.batches import ArrayBatches
from keras_transfer.data.views import SubsetBatches


@pytest.fixture
def whole():
    x = np.arange(10.0, dtype="float32")[:, None]
    return ArrayBatches(x, np.arange(10) % 3, batch_size=4, shuffle=False)


def test_samples_and_labels_are_those_of_the_numbers(whole):
    part = SubsetBatches(whole, [7, 2, 5])
    x, y = part[0]
    assert x[:, 0].tolist() == [7.0, 2.0, 5.0]
    assert y.tolist() == part.read_labels().tolist() == [1, 2, 2]
    assert (part.num_samples, part.batch_size, len(part)) == (3, 4, 1)


def test_the_order_is_its_own(whole):
    part = SubsetBatches(whole, np.arange(0, 10, 2), shuffle=True)
    seen = np.concatenate([part[i][0][:, 0] for i in range(len(part))])
    assert sorted(seen) == [0, 2, 4, 6, 8]


def test_the_fingerprint_knows_data_and_numbers(whole):
    other = ArrayBatches(whole.data[0] + 1, whole.data[1], shuffle=False)
    prints = {
        SubsetBatches(whole, [1, 2]).fingerprint(),
        SubsetBatches(whole, [2, 1]).fingerprint(),
        SubsetBatches(other, [1, 2]).fingerprint(),
        SubsetBatches(other, [1, 2]).fingerprint(),
    }
    assert len(prints) == 3


@pytest.mark.parametrize("indices", [[10], [-1]])
def test_numbers_out_of_range(whole, indices):
    with pytest.raises(ValueError, match="numbers from 0 to 9"):
        SubsetBatches(whole, indices)


def test_nothing(whole):
    with pytest.raises(ValueError, match="at least 1"):
        SubsetBatches(whole, [])
