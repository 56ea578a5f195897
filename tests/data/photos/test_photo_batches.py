import threading

import keras
import numpy as np
import pytest

from keras_transfer import data
from keras_transfer.data.photos import photo_batches


@pytest.fixture
def files(tmp_path, photos):
    return [
        photos.save(photos.picture(seed), tmp_path / f"{seed}.png")
        for seed in range(11)
    ]


@pytest.fixture
def reads(files, monkeypatch):
    """Counts how often each file is read."""
    counts, lock = dict.fromkeys(files, 0), threading.Lock()
    read = photo_batches.read_photo_into

    def counting(path, out):
        with lock:
            # Photos of another test may still be read ahead.
            counts.update({path: counts[path] + 1} if path in counts else {})
        read(path, out)

    monkeypatch.setattr(photo_batches, "read_photo_into", counting)
    return counts


def batches_of(files, **options):
    options = {"image_size": 8, "batch_size": 4} | options
    return data.PhotoBatches(files, np.arange(len(files)), **options)


def test_every_batch_holds_its_samples(files):
    batches = batches_of(files, seed=3)
    for epoch in range(3):
        batches.epoch = epoch
        for index, (images, labels) in enumerate(batches):
            ids = batches.sample_ids(index)
            assert labels.tolist() == ids.tolist()
            for image, sample in zip(images, ids, strict=True):
                expected = data.read_photo(files[sample], 8)
                np.testing.assert_array_equal(image, expected)


def test_batches_may_be_asked_for_in_any_order(files):
    batches = batches_of(files)
    first = [batches[i][1].tolist() for i in range(3)]
    for index in (2, 0, 1, 1, 0, 2):
        assert batches[index][1].tolist() == first[index]


def test_each_photo_is_read_once_an_epoch(files, reads):
    batches = batches_of(files, shuffle=False)
    for _ in batches:
        pass
    assert sorted(reads.values()) == [1] * 11


def test_the_next_epoch_is_begun_in_time(files, reads):
    batches = batches_of(files)
    for _ in batches:
        pass
    batches.epoch += 1
    for _ in batches:
        pass
    batches.epoch += 1
    # What was begun of epoch 1 was used there; of epoch 2 some is begun.
    ahead = batches._num_batches_ahead
    assert sum(reads.values()) <= 2 * 11 + 4 * ahead
    ids = np.concatenate([y for _, y in batches])
    assert sorted(ids) == list(range(11))


def test_a_left_epoch_leaves_nothing_behind(files):
    batches = batches_of(files, batch_size=1)
    batches[0]
    batches.epoch = 7
    assert batches[0][1].tolist() == batches.sample_ids(0).tolist()
    assert all(epoch >= 7 for epoch, _ in batches._ahead._begun)


def test_without_labels_there_are_only_images(files):
    (images,) = data.PhotoBatches(files, image_size=(6, 5))[0]
    assert images.shape == (11, 6, 5, 3)


def test_a_bad_photo_is_named_by_the_batch_that_holds_it(files):
    files[5].write_bytes(b"no photo")
    batches = batches_of(files, shuffle=False)
    batches[0]
    with pytest.raises(data.PhotoError, match=r"5\.png: not an image"):
        batches[1]
    assert batches[2][1].tolist() == [8, 9, 10]


def test_fit_gets_the_seeded_order_on_every_backend(tmp_path, photos):
    """Photos of one grey value each, so that a prediction names its photo."""
    from PIL import Image

    files = [
        photos.save(Image.new("L", (4, 4), 20 * i), tmp_path / f"{i}.png")
        for i in range(11)
    ]
    batches = batches_of(files, seed=1, image_size=4)
    grey = keras.Input((4, 4, 3))
    mean = keras.ops.mean(grey, axis=(1, 2, 3), keepdims=True)[:, 0, 0]
    identity = keras.layers.Dense(1, kernel_initializer="ones")
    model = keras.Model(grey, identity(mean))
    # A loss of zero everywhere is only possible with the right labels.
    batches.labels = 20.0 * np.arange(11)
    model.compile(keras.optimizers.SGD(0.0), "mse")
    history = model.fit(batches, epochs=3, verbose=0).history["loss"]
    np.testing.assert_allclose(history, 0, atol=1e-6)
    assert batches.epoch == 3


def test_names_come_with_the_data(tmp_path, photos):
    loaded = data.load(photos.fill(tmp_path, {"cat": 5, "dog": 5}))
    assert loaded.train.class_names == ["cat", "dog"]
    assert loaded.test.class_names == ["cat", "dog"]


@pytest.mark.parametrize(
    ("batch_size", "threads", "ahead"), [(32, 2, 1), (4, 2, 8), (32, 16, 8)]
)
def test_enough_is_begun_to_keep_the_threads_busy(
    files, monkeypatch, batch_size, threads, ahead
):
    monkeypatch.setattr(photo_batches, "num_threads", lambda: threads)
    assert batches_of(files, batch_size=batch_size)._num_batches_ahead == ahead
