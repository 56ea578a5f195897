"""Inputs for a look: spread over what can be read by number, else the first."""

import numpy as np
import pytest
from doubles import Batches

from keras_transfer.data.adapters import adapt
from keras_transfer.data.batches import ArrayBatches, ReorderedBatches
from keras_transfer.data.data_adapter import joined

X = np.arange(100.0)[:, None]
Y = np.arange(100)


class Walked:
    """A data set of a kind that nobody knows, to walk over again."""

    def __init__(self, batches):
        self.batches = batches

    def __iter__(self):
        return iter(self.batches)


def test_spread_over_the_data():
    found = joined(adapt(ArrayBatches(X, Y)).inputs(40))
    assert len(found) == 40
    assert found[0] == 0 and found[-1] == 99
    assert (np.diff(found[:, 0]) > 1).all()


def test_more_than_there_are():
    found = joined(adapt(ArrayBatches(X)).inputs(1000))
    np.testing.assert_array_equal(found, X)


@pytest.mark.parametrize(
    "data",
    [
        Batches(X, Y, 10),
        ReorderedBatches(Batches(X, Y, 10)),
        Walked([(X[:10], Y[:10]), (X[10:20], Y[10:20])]),
        Walked([[X[:10]], [X[10:20]], [X[20:30]]]),
    ],
)
def test_the_first_batches(data):
    np.testing.assert_array_equal(joined(adapt(data).inputs(20)), X[:20])


def test_structures():
    found = joined(adapt(ArrayBatches({"a": X, "b": 2 * X}, Y)).inputs(50))
    np.testing.assert_array_equal(found["b"], 2 * found["a"])


def test_the_order_of_a_torch_loader_is_left_alone():
    torch = pytest.importorskip("torch")
    samples = [(np.float32(i), i) for i in range(40)]
    loader = torch.utils.data.DataLoader(samples, batch_size=8, shuffle=True)
    torch.manual_seed(1)
    expected = [x.tolist() for x, _ in loader]
    torch.manual_seed(1)
    assert len(adapt(loader).inputs(16)) == 2
    assert [x.tolist() for x, _ in loader] == expected


def test_a_tf_pipeline_is_left_alone():
    tf = pytest.importorskip("tensorflow")
    read = []

    def samples():
        read.append(True)
        yield 1.0, 0

    signature = (tf.TensorSpec(()), tf.TensorSpec(()))
    data = tf.data.Dataset.from_generator(samples, output_signature=signature)
    assert adapt(data.batch(1)).inputs(10) == []
    assert not read


def test_what_looking_would_use_up():
    assert adapt(iter([(X, Y)])).inputs(10) == []
