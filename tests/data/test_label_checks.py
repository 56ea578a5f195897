"""Labels that do not fit the head or the loss are errors, with the remedy."""

import keras
import numpy as np
import pytest

import keras_transfer as kt
from keras_transfer.data.label_checks import check_labels, loss_name
from keras_transfer.losses import SmoothedCrossentropy

pytestmark = pytest.mark.any_backend
SPARSE, ONE_HOT = "sparse_categorical_crossentropy", "categorical_crossentropy"
BINARY, NUMBERS = "binary_crossentropy", "mse"


def model(outputs, loss, map_shape=()):
    inputs = keras.Input((*map_shape, 4))
    net = keras.Model(inputs, keras.layers.Dense(outputs)(inputs))
    net.compile("sgd", loss)
    return net


NAN = float("nan")
WRONG = {
    "from 1": (3, SPARSE, [1, 2, 3], "pass labels - 1"),
    "below 0": (3, SPARSE, [0, -1, 2], "without a label out"),
    "no number": (3, SPARSE, [0.0, NAN, 2.0], "without a label out"),
    "halves": (3, SPARSE, [0.5, 1.0], "label 0.5"),
    "beyond the head": (3, SPARSE, [0, 1, 7], "label 7, while the head has 3"),
    "words": (3, SPARSE, ["cat", "dog"], "return_inverse"),
    "one-hot": (3, SPARSE, np.eye(3), "argmax"),
    "three numbers a class": (5, SPARSE, np.zeros((4, 3)), "shape"),
    "smoothed": (3, SmoothedCrossentropy(0.1), [3], "label 3"),
    "integers for one-hot": (3, ONE_HOT, [0, 1], SPARSE),
    "shares above 1": (3, ONE_HOT, 2 * np.eye(3), "0 to 2"),
    "binary 1 and 2": (1, BINARY, [1, 2, 1], "labels - 1"),
    "binary -1 and 1": (1, BINARY, [-1, 1], r"\(labels \+ 1\) / 2"),
    "binary 0 and 255": (1, BINARY, [0, 255], "labels / 255"),
    "uncertain": (2, BINARY, [[1, 0], [-1, 1]], "uncertain"),
    "missing": (2, BINARY, [[1, NAN], [0, 1]], "NaN or infinity in 1 of 2"),
    "one column of two": (2, BINARY, [0, 1], r"Expected \(batch, 2\)"),
    "infinite": (1, NUMBERS, [1.0, np.inf], "first in sample 1"),
    "too many": (1, NUMBERS, np.zeros((4, 3)), r"Expected \(batch, 1\)"),
    "too few": (3, NUMBERS, np.zeros((4, 1)), r"Expected \(batch, 3\)"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_labels(name):
    outputs, loss, labels, said = WRONG[name]
    with pytest.raises(ValueError, match=said):
        check_labels(np.array(labels), model(outputs, loss))


RIGHT = {
    "classes": (3, SPARSE, [0, 1, 2]),
    "classes in a column": (3, SPARSE, [[0], [2]]),
    "classes as floats": (3, SPARSE, [0.0, 2.0]),
    "one-hot": (3, ONE_HOT, np.eye(3)),
    "mixed": (3, ONE_HOT, [[0.5, 0.5, 0.0]]),
    "binary": (1, BINARY, [0, 1, 1]),
    "binary in a column": (1, BINARY, [[0], [1]]),
    "truth values": (1, BINARY, [True, False]),
    "several labels": (2, BINARY, [[0.0, 1.0], [1.0, 1.0]]),
    "numbers": (1, NUMBERS, [3.0, -300.0]),
    "signs": (1, "hinge", [-1, 1]),
    "a loss of one's own": (1, lambda a, b: (a - b) ** 2, [NAN]),
    "a label to ignore": (
        3,
        keras.losses.SparseCategoricalCrossentropy(ignore_class=-1),
        [0, -1],
    ),
    "nothing": (3, SPARSE, np.zeros(0)),
}


@pytest.mark.parametrize("name", RIGHT)
def test_right_labels(name):
    outputs, loss, labels = RIGHT[name]
    check_labels(np.array(labels), model(outputs, loss))


@pytest.mark.parametrize(
    ("outputs", "loss", "labels"),
    [(3, SPARSE, [0, 1]), (1, BINARY, [0, 1]), (1, NUMBERS, [[0.5], [1.0]])],
)
def test_a_head_without_pooling_is_named(outputs, loss, labels):
    net = model(outputs, loss, map_shape=(6, 6))
    with pytest.raises(ValueError, match="GlobalAveragePooling2D"):
        check_labels(np.array(labels), net)


def test_a_label_for_each_position_fits_a_map():
    check_labels(np.zeros((2, 6, 6), int), model(3, SPARSE, (6, 6)))
    check_labels(np.zeros((2, 6, 6, 1)), model(1, NUMBERS, (6, 6)))


def test_each_output_has_its_loss():
    inputs = keras.Input((4,))
    outputs = [keras.layers.Dense(3)(inputs), keras.layers.Dense(1)(inputs)]
    net = keras.Model(inputs, outputs)
    net.compile("sgd", [SPARSE, NUMBERS])
    check_labels((np.array([0, 2]), np.array([5.0, 9.0])), net)
    with pytest.raises(ValueError, match="label 3"):
        check_labels((np.array([0, 3]), np.array([5.0, 9.0])), net)


def test_names_of_losses():
    assert loss_name("mse") == "mean_squared_error"
    assert loss_name(keras.losses.BinaryCrossentropy()) == BINARY
    assert loss_name(None) is None


@pytest.mark.parametrize("way", ["fit", "fine_tune", "find_learning_rate"])
def test_every_entrance_looks_at_all_labels(way, pictures):
    x, y = pictures
    y = y.copy()
    y[-1] = 9
    inputs = keras.Input(x.shape[1:])
    net = keras.Model(inputs, keras.layers.Conv2D(4, 3)(inputs))
    model = kt.TransferModel(net, head=3)
    model.compile("auto")
    ways = {
        "fit": lambda: model.fit(x, y, batch_size=2, verbose=0),
        "fine_tune": lambda: kt.fine_tune(model, (x, y), verbose=0),
        "find_learning_rate": lambda: kt.find_learning_rate(
            model, (x, y), verbose=0
        ),
    }
    with pytest.raises(ValueError, match="label 9, while the head has 3"):
        ways[way]()
