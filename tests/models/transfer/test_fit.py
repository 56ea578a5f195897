"""`TransferModel.fit`: the order of samples, what Keras takes, losses."""

import keras
import numpy as np
import pytest
from doubles import Batches, tf_data, torch_loader

import keras_transfer as kt


@pytest.fixture
def model(tiny_cnn):
    return kt.TransferModel(tiny_cnn(), head=3, preprocessing="tf")


def test_the_order_of_arrays_follows_seed_and_epoch(tiny_cnn, pictures):
    def losses(seed, **arguments):
        keras.utils.set_random_seed(3)
        model = kt.TransferModel(tiny_cnn(), head=3)
        model.compile("adam", "sparse_categorical_crossentropy")
        fit = model.fit(
            *pictures, batch_size=5, epochs=2, seed=seed, verbose=0, **arguments
        )
        return fit.history["loss"]

    assert losses(1) == losses(1)
    assert losses(1) != losses(2)
    assert losses(1, shuffle=False) == losses(2, shuffle=False)


class NotedBatches(Batches):
    """Notes what it was asked for."""

    def __init__(self, x, y):
        super().__init__(x, y, 3)
        self.asked, self.ends = [], 0

    def __getitem__(self, index):
        self.asked.append(index)
        return super().__getitem__(index)

    def on_epoch_end(self):
        self.ends += 1


def test_the_batches_of_a_py_dataset_follow_seed_and_epoch(model, pictures):
    model.compile("adam", "sparse_categorical_crossentropy")

    def epochs(**arguments):
        batches = NotedBatches(*pictures)
        model.fit(batches, epochs=2, verbose=0, **arguments)
        # Keras and the check read some at first, to see their form.
        return batches.asked[-16:-8], batches.asked[-8:], batches.ends

    first, second, ends = epochs(seed=1)
    assert ends >= 2
    assert sorted(first) == sorted(second) == list(range(8))
    assert first != second
    assert epochs(seed=1)[:2] == (first, second)
    assert epochs(seed=2)[:2] != (first, second)
    assert epochs(shuffle=False)[0] == list(range(8))


SHUFFLED_BY_KERAS = {
    "several workers": (2, True, True),
    "several workers, not wanted": (2, False, False),
    "one worker": (1, True, False),
}


@pytest.mark.parametrize("case", SHUFFLED_BY_KERAS)
def test_keras_shuffles_only_data_sets_with_several_workers(
    model, pictures, monkeypatch, case
):
    workers, wanted, expected = SHUFFLED_BY_KERAS[case]
    batches = NotedBatches(*pictures)
    batches.workers = workers
    given = {}
    monkeypatch.setattr(
        keras.Model, "fit", lambda self, *a, **options: given.update(options)
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(batches, shuffle=wanted)
    assert given["shuffle"] is expected


def test_validation_split_of_a_data_set_is_refused_as_by_keras(model, pictures):
    model.compile("adam", "sparse_categorical_crossentropy")
    with pytest.raises(ValueError, match="validation_split"):
        model.fit(NotedBatches(*pictures), validation_split=0.5, verbose=0)


def test_a_model_compiled_without_an_optimizer_evaluates(model, pictures):
    model.compile(None, "sparse_categorical_crossentropy")
    x, y = pictures
    right = model.predict(x, verbose=0)[np.arange(len(y)), y]
    loss = model.evaluate(x, y, verbose=0)
    assert loss == pytest.approx(-np.log(right).mean(), rel=1e-4)


ALIKE = {
    "arrays": lambda x, y: (x, y),
    "lists of numbers": lambda x, y: (x.tolist(), y.tolist()),
    "a list of arrays": lambda x, y: ([x], y),
    "by name": lambda x, y: ({"images": x}, y),
    "a PyDataset": lambda x, y: (Batches(x, y), None),
    "tf.data": lambda x, y: (tf_data(x, y), None),
    "torch": lambda x, y: (torch_loader(x, y), None),
}


@pytest.fixture(scope="module")
def losses(request):
    """A function that trains once on each kind of data."""
    found = {}

    def losses(name, cache, make_source, x, y):
        if (name, cache) not in found:
            keras.utils.set_random_seed(3)
            model = kt.TransferModel(make_source(), 3, preprocessing="tf")
            model.compile("sgd", "sparse_categorical_crossentropy")
            data, labels = ALIKE[name](x, y)
            options = {"batch_size": 8} if labels is not None else {}
            found[name, cache] = model.fit(
                data, labels, epochs=2, shuffle=False, verbose=0,
                feature_cache=cache, **options,
            ).history["loss"]  # fmt: skip
        return found[name, cache]

    return losses


@pytest.mark.parametrize("cache", [None, "memory"])
@pytest.mark.parametrize("name", [name for name in ALIKE if name != "arrays"])
def test_equal_losses_whatever_holds_the_samples(
    name, cache, losses, tiny_cnn, pictures
):
    expected = losses("arrays", cache, tiny_cnn, *pictures)
    found = losses(name, cache, tiny_cnn, *pictures)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_fit_takes_what_keras_takes(model, pictures):
    x, y = pictures
    model.compile(
        "adam",
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
        weighted_metrics=["accuracy"],
    )
    history = model.fit(
        x,
        y,
        epochs=2,
        batch_size=8,
        validation_split=0.25,
        sample_weight=np.ones(24),
        verbose=0,
    )
    assert "val_accuracy" in history.history
    weights = np.array([1.0, 2.0, 0.5])
    expected = model.evaluate(
        x, y, sample_weight=weights[y], verbose=0, return_dict=True
    )
    history = model.fit(
        x, y, class_weight=dict(enumerate(weights)), verbose=0, epochs=1
    )
    assert history.history["loss"][0] == pytest.approx(
        expected["loss"], rel=1e-5
    )


def test_the_loss_with_sample_weights_is_the_one_keras_gives(
    tiny_cnn, pictures
):
    x, y = pictures
    weights = np.linspace(0.1, 2, 24)
    model = kt.TransferModel(tiny_cnn(), head=3)
    model.compile("sgd", "sparse_categorical_crossentropy")
    expected = model.evaluate(x, y, sample_weight=weights, verbose=0)
    history = model.fit(
        x, y, sample_weight=weights, batch_size=24, verbose=0
    ).history
    assert history["loss"][0] == pytest.approx(expected, rel=1e-5)
