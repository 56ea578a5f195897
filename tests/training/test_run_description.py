"""What tells two trainings apart: settings, penalties and samples."""

import keras
import numpy as np
import pytest

import keras_transfer as kt
from keras_transfer.data.batches import ArrayBatches
from keras_transfer.data.mixing import Mixing
from keras_transfer.training.run_description import (
    differences,
    of_samples,
    of_training,
)

X = np.arange(48, dtype="float32").reshape(12, 4)
Y = np.arange(12) % 3


def described(rate=0.1, loss="sparse_categorical_crossentropy", strength=None):
    inputs = keras.Input((4,))
    source = keras.Model(inputs, keras.layers.Dense(5)(inputs))
    model = kt.TransferModel(source, head=3)
    penalty = None if strength is None else kt.L2SP(strength, 0.0)
    model.compile(keras.optimizers.Adam(rate), loss, regularizer=penalty)
    return of_training(model)


def test_the_same_has_no_differences():
    assert differences(described(), described()) == []
    falling = keras.optimizers.schedules.CosineDecay
    assert (
        differences(described(falling(0.1, 9)), described(falling(0.1, 9)))
        == []
    )


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"rate": 0.2}, "optimizer.learning_rate"),
        (
            {"rate": keras.optimizers.schedules.CosineDecay(0.1, 9)},
            "optimizer.learning_rate",
        ),
        ({"loss": "categorical_crossentropy"}, "loss"),
        ({"strength": 0.5}, "regularizer"),
    ],
)
def test_what_was_changed_is_named(changed, name):
    found = differences(described(**changed), described())
    assert found and all(each.startswith(name) for each in found)


def test_a_strength_is_named():
    found = differences(described(strength=0.5), described(strength=0.25))
    assert found == ["regularizer.strength is 0.5 after 0.25"]


def test_a_function_counts_by_its_name():
    def own(y, z):
        return z

    assert described(loss=own)["loss"].endswith("own")


def test_other_samples_are_told_apart():
    before = of_samples(ArrayBatches(X, Y))
    assert differences(of_samples(ArrayBatches(X, Y, seed=3)), before) == []
    for other in (
        ArrayBatches(X[:-1], Y[:-1]),
        ArrayBatches(X + 1, Y),
        ArrayBatches(X, Y[::-1]),
        ArrayBatches(X, Y).mixed(Mixing("mixup")),
    ):
        assert differences(of_samples(other), before)
    assert of_samples(keras.utils.PyDataset()) == {}
