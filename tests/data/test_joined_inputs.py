"""`JoinedInputs`: every sample of every part, in seeded order."""

import numpy as np
import pytest

from keras_transfer.data.batches import ArrayBatches
from keras_transfer.data.views import JoinedInputs


def joined(**options):
    first = ArrayBatches(np.arange(5.0), np.arange(5))
    second = ArrayBatches(np.arange(5.0, 12.0))
    return JoinedInputs([first, second], **options)


def test_samples_come_in_the_order_that_was_asked_for():
    (x,) = joined().read(np.array([11, 0, 5, 4, 6]))
    assert x.tolist() == [11.0, 0.0, 5.0, 4.0, 6.0]


def test_an_epoch_has_every_sample_once():
    data = joined(batch_size=4, seed=3)
    seen = np.concatenate([data[i][0] for i in range(len(data))])
    assert len(data) == 3 and sorted(seen) == list(range(12))
    assert seen.tolist() != sorted(seen)


def test_structures():
    parts = [
        ArrayBatches({"a": np.arange(n), "b": np.ones((n, 2))}, np.zeros(n))
        for n in (3, 4)
    ]
    (x,) = JoinedInputs(parts).read(np.array([6, 0]))
    assert x["a"].tolist() == [3, 0] and x["b"].shape == (2, 2)


def test_the_fingerprint_tells_data_apart():
    assert joined().fingerprint() == joined(seed=1).fingerprint()
    other = JoinedInputs([ArrayBatches(np.arange(12.0))])
    assert other.fingerprint() != joined().fingerprint()


def test_samples_of_another_shape():
    parts = [ArrayBatches(np.ones((4, size, 3))) for size in (8, 6)]
    with pytest.raises(ValueError, match=r"Received: \(8, 3\) and \(6, 3\)"):
        JoinedInputs(parts)
