"""Samples without labels."""

import numpy as np
import pytest
from doubles import Batches

from keras_transfer.data import load, without_labels
from keras_transfer.data.batches import ArrayBatches
from keras_transfer.data.unlabelled import check_unlabelled

pytestmark = pytest.mark.any_backend

X, Y = np.arange(10.0).reshape(5, 2), np.arange(5)


def test_the_samples_stay_and_their_labels_go():
    for data in ((X, Y), (X, Y, np.ones(5)), Batches(X, Y), X):
        found = without_labels(data, batch_size=2)
        assert len(found) == 3
        (x,) = found.read(np.array([4, 1]))
        np.testing.assert_array_equal(x, X[[4, 1]])


def test_a_part_of_a_data_set():
    digits = load("digits", shots_per_class=2)
    found = without_labels(digits.validation)
    assert found.num_samples == digits.num_samples["validation"]
    check_unlabelled(found)


def test_labels_where_there_should_be_none():
    check_unlabelled(ArrayBatches(X))
    with pytest.raises(ValueError, match="`more` takes samples without lab"):
        check_unlabelled(ArrayBatches(X, Y), "more")
