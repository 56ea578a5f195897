"""Data sets of any kind as numbered items."""

import doubles
import keras
import numpy as np
import pytest

from keras_transfer.data.adapters import adapt
from keras_transfer.data.batches import ArrayBatches, ReorderedBatches
from keras_transfer.data.samples import prefetched

NUM = 10


def vectors():
    x = np.arange(NUM, dtype="float32")[:, None] * [1.0, 2.0]
    return x.astype("float32"), np.arange(NUM) % 3


def arrays(x, y):
    return ArrayBatches(x, y, batch_size=4, seed=2)


def reordered(x, y):
    return ReorderedBatches(doubles.Batches(x, y, 4), seed=2)


def tf_data(x, y):
    return doubles.tf_data(x, y, 4)


def tf_shuffled(x, y):
    tf = pytest.importorskip("tensorflow")
    dataset = tf.data.Dataset.from_tensor_slices((x, y))
    # Found below other steps too.
    return dataset.shuffle(NUM, seed=1).batch(4).prefetch(1)


def loader(x, y, **kwargs):
    return doubles.torch_loader(x, y, 4, **kwargs)


def torch_shuffled(x, y):
    return loader(x, y, shuffle=True)


KINDS = {
    # make: rows of each item, whether our order shuffles, whether it says so
    arrays: ([1] * NUM, True, False),
    reordered: ([4, 4, 2], True, False),
    tf_data: ([4, 4, 2], False, False),
    loader: ([4, 4, 2], False, False),
    tf_shuffled: ([1] * NUM, True, True),
    torch_shuffled: ([1] * NUM, True, True),
}


@pytest.mark.parametrize("make", KINDS, ids=lambda kind: kind.__name__)
def test_items(make):
    rows, shuffles, says_so = KINDS[make]
    x, y = vectors()
    samples = adapt(make(x, y)).samples(5)
    assert list(samples.rows_of_items()) == rows
    chunks = list(samples.chunks())
    assert [n for counts, _ in chunks for n in counts] == rows
    found = np.concatenate([batch[0] for _, batch in chunks])
    labels = np.concatenate([batch[1] for _, batch in chunks])
    order = np.argsort(found[:, 0])
    assert (order == np.arange(NUM)).all() or says_so
    np.testing.assert_array_equal(found[order], x)
    np.testing.assert_array_equal(labels[order], y)
    ours = samples.order(len(rows))
    assert ours.shuffle == shuffles
    assert ours.num_samples == len(rows)
    assert ours.batch_size == (4 if rows[0] == 1 else 1)
    assert bool(samples.note) == says_so


@pytest.mark.parametrize("make", KINDS, ids=lambda kind: kind.__name__)
def test_fingerprints_are_of_what_is_in_the_data(make):
    x, y = vectors()
    before = adapt(make(x, y)).samples().fingerprint()
    assert adapt(make(x.copy(), y.copy())).samples().fingerprint() == before
    x[7, 1] += 1e-3
    assert adapt(make(x, y)).samples().fingerprint() != before
    x[7, 1] = 14.0
    assert adapt(make(x, y)).samples().fingerprint() == before
    y[7] = 2
    assert adapt(make(x, y)).samples().fingerprint() != before


def test_the_order_of_samples_that_shuffle_themselves_does_not_count():
    torch = pytest.importorskip("torch")
    x, y = vectors()
    found = set()
    for seed in range(3):
        generator = torch.Generator().manual_seed(seed)
        data = loader(x, y, shuffle=True, generator=generator)
        found.add(adapt(data).samples().fingerprint())
    assert len(found) == 1


def test_pairs_that_are_swapped_count_though_all_rows_are_there():
    x, y = vectors()
    one = adapt(tf_or_torch_shuffled(x, y)).samples().fingerprint()
    x[[0, 1]] = x[[1, 0]]
    assert adapt(tf_or_torch_shuffled(x, y)).samples().fingerprint() != one


def tf_or_torch_shuffled(x, y):
    if keras.backend.backend() == "tensorflow":
        return tf_shuffled(x, y)
    return torch_shuffled(x, y)


def test_what_cannot_be_walked_over_again():
    with pytest.raises(ValueError, match=r"walked over again.*generator"):
        adapt(vectors() for _ in range(3)).samples()
    with pytest.raises(ValueError, match=r"walked over again.*int"):
        adapt(3).samples()


def test_what_differs_when_it_is_read_again():
    with pytest.raises(ValueError, match=r"a ReorderedBatches whose first"):
        adapt(ReorderedBatches(doubles.DrawnBatches(*vectors()))).samples()


def test_prefetched():
    assert list(prefetched(iter(range(5)))) == [0, 1, 2, 3, 4]
    assert list(prefetched(iter(()))) == []

    def fails():
        yield 1
        raise OSError("no photo")

    walk = prefetched(fails())
    assert next(walk) == 1
    with pytest.raises(OSError, match="no photo"):
        next(walk)
