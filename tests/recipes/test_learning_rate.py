"""`find_learning_rate`: a sweep that leaves no trace."""

import keras
import numpy as np
import pytest
from small_nets import conv_net

import keras_transfer as kt
from keras_transfer.recipes import find_learning_rate
from keras_transfer.recipes.learning_rate_sweep import read_off
from keras_transfer.training import random_state


def small_net():
    return conv_net(4, 4, shape=(16, 16, 3), batch_norm=True)


@pytest.fixture
def data(rng):
    y = np.arange(48) % 3
    x = rng.uniform(0, 120, (48, 16, 16, 3)) + 40.0 * y[:, None, None, None]
    return x.astype("float32"), y


@pytest.fixture
def model():
    head = kt.ClassificationHead(3, dropout=0.2)
    model = kt.TransferModel(small_net(), head=head, preprocessing="tf")
    model.compile("auto")
    return model


def test_the_rate_is_one_that_learns(model, data):
    sweep = find_learning_rate(model, data, batch_size=16, verbose=0)
    assert 1e-6 < sweep.suggestion < 1.0
    assert np.all(np.diff(sweep.rates) > 0)
    assert len(sweep.rates) == len(sweep.losses) == len(sweep.smoothed)
    before = model.evaluate(*data, verbose=0, return_dict=True)["loss"]
    model.optimizer.learning_rate = sweep.suggestion
    model.fit(*data, epochs=5, verbose=0)
    after = model.evaluate(*data, verbose=0, return_dict=True)["loss"]
    assert after < before


@pytest.mark.parametrize("depth", [0, 2])
def test_nothing_is_left_of_it(model, data, depth):
    kt.set_trainable_depth(model, depth)
    model.fit(*data, epochs=1, verbose=0)

    def state():
        optimizer = [np.array(v) for v in model.optimizer.variables]
        return model.get_weights() + optimizer

    before, generators = state(), random_state.collect()
    find_learning_rate(model, data, num_steps=12, verbose=0)
    for a, b in zip(before, state(), strict=True):
        np.testing.assert_array_equal(a, b)
    for name, array in random_state.collect()[0].items():
        np.testing.assert_array_equal(array, generators[0][name])
    assert model.trainable_depth == depth


def test_training_afterwards_is_as_without(data):
    def trained(sweeps):
        keras.utils.set_random_seed(3)
        model = kt.TransferModel(
            small_net(), kt.ClassificationHead(3, dropout=0.5),
            preprocessing="tf",
        )  # fmt: skip
        model.compile("auto")
        # What is built once draws random numbers on torch, swept or not.
        model.fit(*data, epochs=1, verbose=0)
        if sweeps:
            find_learning_rate(model, data, num_steps=10, verbose=0)
        return model.fit(*data, epochs=2, verbose=0).history["loss"]

    assert trained(True) == pytest.approx(trained(False), rel=1e-6)


def test_what_is_read_off_a_known_curve():
    rates = np.geomspace(1e-5, 1e0, 51)
    # Flat, then falling until 1e-2, then rising.
    log = np.log10(rates)
    losses = 1 + np.clip(-3 - log, -1, 0) + 4 * np.clip(log + 1.5, 0, None)
    sweep = read_off(rates, losses)
    assert 1e-3 <= sweep.suggestion <= 1e-2
    assert 1e-3 < sweep.steepest < 3e-2
    steps = np.arange(1, 52)
    average, expected = 0.0, []
    for step, loss in zip(steps, losses, strict=True):
        average = 0.9 * average + 0.1 * loss
        expected.append(average / (1 - 0.9**step))
    np.testing.assert_allclose(sweep.smoothed, expected)


def test_plot(model, data, tmp_path):
    sweep = find_learning_rate(model, data, num_steps=20, verbose=0)
    assert len(sweep.plot(tmp_path / "rate.png").axes) == 1
    assert (tmp_path / "rate.png").read_bytes()[:4] == b"\x89PNG"


WRONG = {
    "rise": {"min_rate": 1.0, "max_rate": 0.1},
    "10 steps": {"num_steps": 3},
    "diverged": {"min_rate": 1e30, "max_rate": 1e38},
}


@pytest.mark.parametrize("message", WRONG)
def test_what_does_not_fit_is_named(message, model, data):
    with pytest.raises(ValueError, match=message):
        find_learning_rate(model, data, verbose=0, **WRONG[message])


def test_a_model_that_is_not_compiled(data):
    model = kt.TransferModel(small_net(), head=3, preprocessing="tf")
    with pytest.raises(ValueError, match="compiled model"):
        find_learning_rate(model, data, verbose=0)


def test_a_rate_that_follows_a_schedule(model, data):
    schedule = keras.optimizers.schedules.CosineDecay(1e-3, 100)
    model.compile(
        keras.optimizers.Adam(schedule), "sparse_categorical_crossentropy"
    )
    before = model.get_weights()
    with pytest.raises(ValueError, match="follows a schedule"):
        find_learning_rate(model, data, verbose=0)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
