"""A cached training equals an uncached one on data of every kind."""

import keras
import numpy as np
import pytest
from cached_training import (
    BATCH,
    CLASSES,
    NUM,
    arrays,
    assert_same_history,
    assert_same_model,
    both,
    fit,
    made,
    scheduled,
    validation_arrays,
)
from cases import some_slow
from doubles import Batches, tf_data, torch_loader, vectors

import keras_transfer as kt
from keras_transfer import data
from keras_transfer.data.batches import ArrayBatches

WEIGHTED = {
    "plain": {},
    "unshuffled": {"shuffle": False},
    "sample weights": {"sample_weight": np.linspace(0.5, 2.0, NUM)},
    "class weights": {"class_weight": {0: 1.0, 1: 3.0, 2: 0.5}},
    "both weights": {
        "sample_weight": np.linspace(0.5, 2.0, NUM),
        "class_weight": {0: 1.0, 1: 3.0, 2: 0.5},
    },
    "seed": {"seed": 5},
    "one batch": {"batch_size": NUM},
    "later epoch": {"initial_epoch": 1},
    "steps": {"steps_per_epoch": 2, "epochs": 4},
    # After 16 samples, where torch finds the rest as aligned as in an array of
    # its own: it rounds differently where that is not so.
    "split": {"validation_split": 0.2},
}


@pytest.mark.parametrize(
    "name", some_slow(WEIGHTED, {"sample weights", "steps"})
)
def test_arrays(name):
    if name == "both weights":
        # Keras refuses both at once, cached or not.
        for cache in (None, "memory"):
            with pytest.raises(ValueError, match="class_weight"):
                fit(made(), arrays(**WEIGHTED[name]), cache, [])
        return
    _, history, _ = both(arrays(**WEIGHTED[name]))
    assert len(set(history.history["loss"])) == len(history.epoch) >= 2


def photos(folder, part="train"):
    loaded = data.load(
        folder, image_size=8, batch_size=BATCH, validation_split=0.25, seed=2
    )
    return getattr(loaded, part)


@pytest.fixture
def photo_folder(tmp_path, rng):
    images = pytest.importorskip("PIL.Image")
    for name in ("a", "b", "c"):
        (tmp_path / "photos" / "train" / name).mkdir(parents=True)
        for index in range(8):
            pixels = rng.integers(0, 256, (8, 8, 3), dtype="uint8")
            images.fromarray(pixels).save(
                tmp_path / "photos" / "train" / name / f"{index}.png"
            )
    return tmp_path / "photos"


def conv_model(tiny_cnn, depth, **kwargs):
    keras.utils.set_random_seed(7)
    model = kt.TransferModel(
        tiny_cnn((8, 8, 3)), head=CLASSES, preprocessing="tf", **kwargs
    )
    kt.set_trainable_depth(model, depth)
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


@pytest.mark.parametrize("depth", some_slow([0, 2], {2}))
def test_photo_folder(depth, photo_folder, tiny_cnn):
    sides = []
    for cache in (None, "memory"):
        model = conv_model(tiny_cnn, depth)
        history = fit(
            model,
            lambda: ((photos(photo_folder),), {}),
            cache,
            [],
            validation=lambda: photos(photo_folder, "validation"),
        )
        sides.append((model, history))
    assert sides[1][0].class_names == ["a", "b", "c"]
    assert_same_history(sides[1][1], sides[0][1])
    assert_same_model(sides[1][0], sides[0][0])


BATCHED = {
    "pydataset": (Batches, {}),
    "pydataset, unshuffled": (Batches, {"shuffle": False}),
    "tf.data": (tf_data, {}),
    "torch": (torch_loader, {}),
}


@pytest.mark.parametrize("name", some_slow(BATCHED, {"pydataset", "tf.data"}))
def test_data_sets_in_batches(name):
    make, options = BATCHED[name]
    both(lambda: ((make(*vectors()),), options), scheduled(0, 1, 1))


def shuffled_tf_data():
    tf = pytest.importorskip("tensorflow")
    dataset = tf.data.Dataset.from_tensor_slices(vectors())
    # In one order, so that a test can know it.
    dataset = dataset.shuffle(NUM, seed=1, reshuffle_each_iteration=False)
    return dataset.batch(BATCH)


def test_a_shuffled_tf_data_comes_in_the_order_of_the_seed(capsys):
    """Our order of the samples as they come, and the note that says so."""
    x, y = vectors()
    model, expected = made(), made()
    options = {"seed": 3, "verbose": 2}
    history = fit(model, lambda: ((shuffled_tf_data(),), options), "memory", [])
    said = capsys.readouterr().out
    assert said.count("the data set shuffles by itself") == 1
    keras.utils.set_random_seed(11)
    first = list(shuffled_tf_data().unbatch().as_numpy_iterator())
    order = [
        int(np.flatnonzero((x == each).all(axis=1))[0]) for each, _ in first
    ]
    assert sorted(order) == list(range(NUM)) != order
    wanted = fit(
        expected,
        lambda: ((x[order], y[order]), {"batch_size": BATCH, "seed": 3}),
        None,
        [],
    )
    assert_same_history(history, wanted)
    assert_same_model(model, expected)


def test_a_torch_loader_with_a_random_sampler(capsys):
    torch = pytest.importorskip("torch")

    def loader():
        generator = torch.Generator().manual_seed(4)
        return torch_loader(*vectors(), shuffle=True, generator=generator)

    results = []
    for _ in range(2):
        model = made()
        history = fit(
            model, lambda: ((loader(),), {"verbose": 2}), "memory", []
        )
        results.append((model, history))
    assert capsys.readouterr().out.count("shuffles by itself") == 2
    assert_same_history(results[0][1], results[1][1])
    assert_same_model(results[0][0], results[1][0])
    # As plausible a training as the uncached one, on the same samples.
    other = fit(made(), lambda: ((loader(),), {}), None, []).history
    losses = results[0][1].history["loss"]
    assert losses != other["loss"]
    np.testing.assert_allclose(losses, other["loss"], rtol=0.2)


def test_an_unshuffled_data_set_is_not_reported(capsys):
    options = {"verbose": 2}
    fit(made(), lambda: ((Batches(*vectors()),), options), "memory", [])
    assert "shuffles" not in capsys.readouterr().out


# Validation data.


def weighted_validation():
    x, y = vectors(9, seed=1)
    return x, y, np.linspace(0.0, 1.0, 9).astype("float32")


VALIDATION = {
    "arrays": (validation_arrays, {}),
    "arrays in batches of 4": (validation_arrays, {"validation_batch_size": 4}),
    "weighted": (weighted_validation, {}),
    "pydataset": (lambda: Batches(*vectors(9, 1)), {}),
    "seeded": (lambda: ArrayBatches(*vectors(9, 1), batch_size=4), {}),
    "tf.data": (lambda: tf_data(*vectors(9, 1)), {}),
    "torch": (lambda: torch_loader(*vectors(9, 1)), {}),
    "every second epoch": (validation_arrays, {"validation_freq": 2}),
    "first step": (lambda: Batches(*vectors(9, 1)), {"validation_steps": 1}),
}


@pytest.mark.parametrize("name", some_slow(VALIDATION, {"weighted", "tf.data"}))
def test_validation(name):
    make, options = VALIDATION[name]
    _, history, _ = both(arrays(**options), scheduled(0, 2, 2), validation=make)
    assert {"val_loss", "val_accuracy"} <= set(history.history)
