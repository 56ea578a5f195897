import random

import keras
import numpy as np
import pytest
from doubles import Batches

from keras_transfer.data.batches import ArrayBatches, ReorderedBatches
from keras_transfer.data.sampling import epoch_order


class Recorder(keras.Model):
    """Remembers what reaches the model, at run time, on every backend."""

    def __init__(self):
        super().__init__()
        self.scale = self.add_weight(shape=(), initializer="ones")
        self.log = self.add_weight(
            shape=(400,), initializer="zeros", trainable=False
        )
        self.seen = self.add_weight(
            shape=(), initializer="zeros", dtype="int32", trainable=False
        )

    def call(self, x):
        log, start = self.log.value, self.seen.value
        ids = keras.ops.reshape(x, (-1,))
        self.log.assign(keras.ops.slice_update(log, [start], ids))
        self.seen.assign(self.seen + keras.ops.shape(x)[0])
        return x * self.scale

    def take(self):
        """The samples seen since the last call, in order."""
        seen = int(keras.ops.convert_to_numpy(self.seen.value))
        log = keras.ops.convert_to_numpy(self.log.value)[:seen]
        self.seen.assign(0)
        return log.astype(int).tolist()


def recorder():
    model = Recorder()
    model.compile("sgd", "mse", metrics=["mae"])
    return model


def id_batches(num_samples=10, **options):
    ids = np.arange(num_samples, dtype="float32")[:, None]
    return ArrayBatches(ids, ids, **options)


def order(*epochs, num_samples=10, seed=0):
    return [int(i) for e in epochs for i in epoch_order(seed, e, num_samples)]


def fit(model, batches, **options):
    model.fit(batches, verbose=0, **options)
    return model.take()


# Keras shuffles the batches of a PyDataset by Python's `random` unless told.
@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("batch_size", [3, 10])
def test_fit_follows_the_seeded_order_from_epoch_0(shuffle, batch_size):
    batches = id_batches(batch_size=batch_size)
    random.seed(1)
    model = recorder()
    assert fit(model, batches, epochs=3, shuffle=shuffle) == order(0, 1, 2)
    assert batches.epoch == 3
    assert fit(model, batches, epochs=1, shuffle=shuffle) == order(3)


def test_another_seed_gives_another_order():
    ids = fit(recorder(), id_batches(seed=1), epochs=1)
    assert ids == order(0, seed=1)
    assert ids != order(0, seed=0)


def test_unshuffled_batches_keep_the_order_in_every_epoch():
    batches = id_batches(shuffle=False, batch_size=4)
    seen = fit(recorder(), batches, epochs=2, shuffle=False)
    assert seen == [*range(10), *range(10)]


@pytest.mark.parametrize("steps", [2, 3, 4, 7])
def test_steps_cut_the_endless_sequence_of_passes(steps):
    batches = id_batches(batch_size=3, steps_per_epoch=steps)
    batches_seen = [order(p)[i : i + 3] for p in range(9) for i in (0, 3, 6, 9)]
    expected = [i for batch in batches_seen[: 3 * steps] for i in batch]
    assert fit(recorder(), batches, epochs=3) == expected


def test_a_run_with_steps_resumes_where_it_would_have_been():
    batches = id_batches(batch_size=3)
    whole = fit(recorder(), batches.starting_at(0, steps_per_epoch=3), epochs=3)
    rest = fit(
        recorder(),
        batches.starting_at(1, steps_per_epoch=3),
        initial_epoch=1,
        epochs=3,
    )
    assert rest == whole[-len(rest) :]
    assert len(rest) == sum(
        len(batches.starting_at(0, 3).sample_ids(i, e))
        for e in (1, 2)
        for i in range(3)
    )


@pytest.mark.parametrize("shuffle", [True, False])
def test_steps_given_to_fit_walk_on_in_the_same_pass(shuffle):
    # 10 batches of one sample in two halves, whatever was fetched ahead.
    batches = id_batches(batch_size=1)
    seen = fit(
        recorder(), batches, epochs=4, steps_per_epoch=5, shuffle=shuffle
    )
    assert seen == order(0, 2)


def test_epoch_can_be_set():
    batches = id_batches(batch_size=4)
    batches.epoch = 5
    model = recorder()
    assert fit(model, batches, initial_epoch=5, epochs=7) == order(5, 6)


def test_a_callback_may_set_the_epoch():
    batches = id_batches(batch_size=4)
    set_epoch = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: setattr(batches, "epoch", epoch)
    )
    model = recorder()
    fit(model, batches, epochs=1, callbacks=[set_epoch])
    seen = fit(model, batches, epochs=2, callbacks=[set_epoch])
    assert seen == order(0, 1)


def test_an_interrupted_epoch_starts_again():
    class StopAtSecondBatch(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = batch == 1

    batches = id_batches(batch_size=2)
    model = recorder()
    stop = StopAtSecondBatch()
    assert fit(model, batches, epochs=3, callbacks=[stop]) == order(0)[:4]
    assert fit(model, batches, epochs=1) == order(0)


def test_validation_sees_every_sample_in_place():
    batches = id_batches(batch_size=4)
    validation = id_batches(6, batch_size=4, shuffle=False)
    model = recorder()
    seen = fit(model, batches, epochs=2, validation_data=validation)
    one, two = order(0), order(1)
    assert seen == [*one, *range(6), *two, *range(6)]


def test_predictions_of_unshuffled_batches_stand_in_order():
    batches = id_batches(batch_size=4, shuffle=False)
    scores = recorder().predict(batches, verbose=0)
    np.testing.assert_array_equal(scores[:, 0], np.arange(10))


def test_two_runs_on_one_data_set_have_their_own_clocks():
    batches = id_batches()
    fit(recorder(), batches.starting_at(0), epochs=2)
    assert batches.epoch == 0
    assert fit(recorder(), batches.starting_at(0), epochs=1) == order(0)


def test_reading_by_hand_does_not_move_the_clock():
    batches = id_batches(batch_size=4)
    first = np.concatenate([x[:, 0] for x, _ in batches])
    again = np.concatenate([batches[i][0][:, 0] for i in range(3)])
    assert first.tolist() == again.tolist() == order(0)
    assert batches[-1][0][:, 0].tolist() == order(0)[8:]
    with pytest.raises(IndexError):
        batches[3]


def test_sample_ids_name_the_samples_of_a_batch():
    batches = id_batches(batch_size=4)
    assert batches.sample_ids(1).tolist() == order(0)[4:8]
    assert batches.sample_ids(2, epoch=3).tolist() == order(3)[8:]
    x, _ = batches.read(np.array([7, 2]))
    assert x[:, 0].tolist() == [7, 2]


def test_class_weight_and_labels_come_through():
    x = np.ones((4, 1), "float32")
    batches = ArrayBatches(x, np.array([0, 0, 0, 1]), batch_size=4)
    dense = keras.layers.Dense(2, kernel_initializer="zeros")
    model = keras.Sequential([keras.Input((1,)), dense])
    model.compile(
        keras.optimizers.SGD(0.0),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    loss = model.fit(batches, class_weight={0: 1.0, 1: 5.0}, verbose=0)
    assert loss.history["loss"][0] == pytest.approx(np.log(2) * 8 / 4)


def test_structures_are_gathered_leaf_by_leaf(rng):
    tokens, mask = rng.integers(0, 9, (5, 3)), rng.random((5, 3)) > 0.5
    data = ({"tokens": tokens, "mask": mask}, [np.arange(5), None])
    batches = ArrayBatches(*data, np.ones(5), batch_size=2, shuffle=False)
    x, (y, nothing), weight = batches[1]
    np.testing.assert_array_equal(x["tokens"], tokens[2:4])
    np.testing.assert_array_equal(x["mask"], mask[2:4])
    assert y.tolist() == [2, 3]
    assert nothing is None
    assert weight.dtype == "float32"


def test_tensors_of_the_backend_become_arrays():
    x = keras.ops.convert_to_tensor(np.arange(6.0).reshape(3, 2))
    batches = ArrayBatches(x, batch_size=2, shuffle=False)
    assert len(batches[0]) == 1
    assert isinstance(batches[0][0], np.ndarray)
    assert batches[1][0].tolist() == [[4.0, 5.0]]


def test_whole_numbers_and_uint8_keep_their_type():
    batches = ArrayBatches(np.zeros((3, 2), "uint8"), np.arange(3))
    assert [leaf.dtype for leaf in batches[0]] == ["uint8", "int64"]


def test_arrays_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match=r"\[3, 4\] samples"):
        ArrayBatches(np.zeros(3), np.zeros(4))


@pytest.mark.parametrize("options", [{"batch_size": 0}, {"steps_per_epoch": 0}])
def test_sizes_below_one_are_refused(options):
    with pytest.raises(ValueError, match="at least 1"):
        id_batches(**options)


def test_keras_reads_workers_once_a_run():
    # The clock starts there: see SeededBatches.workers.
    class Counting(ArrayBatches):
        reads = 0

        @property
        def workers(self):
            type(self).reads += 1
            return super().workers

    model = recorder()
    fit(model, Counting(np.zeros((4, 1)), np.zeros((4, 1))), epochs=2)
    assert Counting.reads == 1


def test_batches_that_devices_share():
    x = np.arange(19)
    for count, size, sizes in (
        (2, 6, [6, 6, 6]),
        (4, 6, [8, 8]),
        (3, 4, [6] * 3),
    ):
        batches = ArrayBatches(x, batch_size=size).for_devices(count)
        seen = [len(batches[i][0]) for i in range(len(batches))]
        assert seen == sizes and batches.batch_size % count == 0
    two = ArrayBatches(x, batch_size=6, seed=3).for_devices(2)
    left_out = set()
    for epoch in range(8):
        two.epoch = epoch
        seen = np.concatenate([two[i][0] for i in range(len(two))])
        left_out |= set(x) - set(seen)
    assert len(left_out) > 3
    assert ArrayBatches(x, batch_size=6).for_devices(1).order == (
        ArrayBatches(x, batch_size=6).order
    )


def test_other_peoples_batches_that_devices_share():
    six = Batches(np.zeros((6, 2)), np.zeros(6), 5)
    two = ReorderedBatches(six, shuffle=False).for_devices(2)
    assert [len(part) for part in two[0]] == [4, 4]
    with pytest.raises(ValueError, match="1 samples cannot be shared by 2"):
        two[1]


def test_fewer_samples_than_devices():
    with pytest.raises(ValueError, match="3 samples cannot be shared by 4"):
        ArrayBatches(np.zeros(3)).for_devices(4)
