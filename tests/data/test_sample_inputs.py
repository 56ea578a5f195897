"""`sample_inputs`: spread over what can be read by number, else the first."""

import numpy as np
import pytest
from doubles import Batches

from keras_transfer.data.batches import ArrayBatches, ReorderedBatches
from keras_transfer.data.sample_inputs import joined, sample_inputs

X = np.arange(100.0)[:, None]
Y = np.arange(100)


def test_spread_over_the_data():
    found = joined(sample_inputs(ArrayBatches(X, Y), 40))
    assert len(found) == 40
    assert found[0] == 0 and found[-1] == 99
    assert (np.diff(found[:, 0]) > 1).all()


def test_more_than_there_are():
    found = joined(sample_inputs(ArrayBatches(X), 1000))
    np.testing.assert_array_equal(found, X)


@pytest.mark.parametrize(
    "data",
    [
        Batches(X, Y, 10),
        ReorderedBatches(Batches(X, Y, 10)),
        [(X[:10], Y[:10]), (X[10:20], Y[10:20]), (X[20:30], Y[20:30])],
        [[X[:10]], [X[10:20]], [X[20:30]]],
    ],
)
def test_the_first_batches(data):
    np.testing.assert_array_equal(joined(sample_inputs(data, 20)), X[:20])


def test_structures():
    found = joined(sample_inputs(ArrayBatches({"a": X, "b": 2 * X}, Y), 50))
    np.testing.assert_array_equal(found["b"], 2 * found["a"])


def test_the_order_of_a_torch_loader_is_left_alone():
    torch = pytest.importorskip("torch")
    samples = [(np.float32(i), i) for i in range(40)]
    loader = torch.utils.data.DataLoader(samples, batch_size=8, shuffle=True)
    torch.manual_seed(1)
    expected = [x.tolist() for x, _ in loader]
    torch.manual_seed(1)
    assert len(sample_inputs(loader, 16)) == 2
    assert [x.tolist() for x, _ in loader] == expected


def test_a_tf_pipeline_is_left_alone():
    tf = pytest.importorskip("tensorflow")
    read = []

    def samples():
        read.append(True)
        yield 1.0, 0

    signature = (tf.TensorSpec(()), tf.TensorSpec(()))
    data = tf.data.Dataset.from_generator(samples, output_signature=signature)
    assert sample_inputs(data.batch(1), 10) == []
    assert not read


def test_what_looking_would_use_up():
    assert sample_inputs(iter([(X, Y)]), 10) == []
