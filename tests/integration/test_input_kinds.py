"""The same samples in the same order give the same training, whatever they
come in: arrays, `data.load`, a `PyDataset`, tf.data, a torch `DataLoader`, a
Grain data set."""

import keras
import numpy as np
import pytest
from doubles import Batches, tf_data, torch_loader
from small_nets import residual_net

Image = pytest.importorskip("PIL.Image")

import keras_transfer as kt
from keras_transfer import data

BATCH = 8


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder of photos in three classes."""
    rng = np.random.default_rng(0)
    tmp_path = tmp_path_factory.mktemp("photos")
    for name in ("a", "b", "c"):
        (tmp_path / "train" / name).mkdir(parents=True)
        for index in range(8):
            pixels = rng.integers(0, 256, (16, 16, 3), dtype="uint8")
            Image.fromarray(pixels).save(
                tmp_path / "train" / name / f"{index}.png"
            )
    return tmp_path


def as_arrays(folder, x, y):
    return (x, y), {"batch_size": BATCH, "shuffle": False}


def as_loaded(folder, x, y):
    loaded = data.load(
        folder, image_size=16, batch_size=BATCH, validation_split=0.0
    )
    loaded.train.shuffle = False
    return (loaded.train,), {}


def as_py_dataset(folder, x, y):
    return (Batches(x, y, BATCH),), {"shuffle": False}


def as_tf_data(folder, x, y):
    return (tf_data(x, y, BATCH),), {}


def as_torch_loader(folder, x, y):
    return (torch_loader(x, y, BATCH),), {}


def as_grain(folder, x, y):
    grain = pytest.importorskip("grain")
    samples = list(zip(x, y, strict=True))
    dataset = grain.MapDataset.source(samples).batch(BATCH).repeat()
    # Keras asks for the length: without it, it looks for one batch too many
    # at the end, and on TensorFlow the optimizer's clock counts that one.
    return (dataset,), {"steps_per_epoch": len(x) // BATCH}


KINDS = [
    as_arrays,
    as_loaded,
    as_py_dataset,
    as_tf_data,
    as_torch_loader,
    as_grain,
]


def trained(make, folder):
    """Losses and weights after two epochs on one kind of input."""
    loaded = data.load(folder, image_size=16, validation_split=0.0)
    loaded.train.shuffle = False
    x, y = loaded.train[0]
    keras.utils.set_random_seed(0)
    model = kt.TransferModel(residual_net(), head=3, preprocessing="tf")
    kt.set_trainable_depth(model, 3)
    model.compile("adam", "sparse_categorical_crossentropy")
    positional, options = make(folder, x, y)
    history = model.fit(*positional, epochs=2, verbose=0, **options)
    return history.history["loss"], model.get_weights()


@pytest.fixture(scope="module")
def expected(folder):
    return trained(as_arrays, folder)


@pytest.mark.parametrize("make", KINDS, ids=lambda kind: kind.__name__[3:])
def test_equal_losses_and_weights(make, folder, expected):
    losses, weights = trained(make, folder)
    assert losses == expected[0]
    for a, b in zip(weights, expected[1], strict=True):
        np.testing.assert_array_equal(a, b)


def test_shuffled_arrays_and_photos_come_in_one_order(folder):
    """The order contract: a function of seed and epoch, not of the kind."""

    def shuffled(positional, **options):
        keras.utils.set_random_seed(0)
        model = kt.TransferModel(residual_net(), head=3, preprocessing="tf")
        model.compile("adam", "sparse_categorical_crossentropy")
        fit = model.fit(*positional, epochs=3, verbose=0, **options)
        return fit.history["loss"]

    options = {"image_size": 16, "batch_size": BATCH, "validation_split": 0.0}
    plain = data.load(folder, **options | {"batch_size": 24})
    plain.train.shuffle = False
    arrays = plain.train[0]
    for seed in (0, 5):
        photos = data.load(folder, seed=seed, **options)
        from_photos = shuffled((photos.train,))
        assert from_photos == shuffled(arrays, batch_size=BATCH, seed=seed)
        assert from_photos == shuffled((photos.train,))
    assert shuffled(arrays, batch_size=BATCH, seed=1) != from_photos
