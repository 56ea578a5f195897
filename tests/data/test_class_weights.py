import numpy as np
import pytest

from keras_transfer.data.batches import ArrayBatches
from keras_transfer.data.class_weights import (
    check_takes_class_weights,
    in_words,
    weights_by_class,
    with_class_weights,
)

pytestmark = pytest.mark.any_backend
NAMES = ["glass", "paper", "trash"]
LABELS = np.array([0, 0, 0, 1, 1, 2])


def test_balanced_is_samples_by_classes_and_count():
    expected = {0: 6 / 9, 1: 1.0, 2: 2.0}
    for labels in (LABELS, LABELS[:, None], np.eye(3)[LABELS]):
        found = weights_by_class("balanced", labels, 3)
        assert found == pytest.approx(expected)


def test_a_dict_goes_by_names_or_indices_and_the_rest_weighs_one():
    for given in ({"trash": 5}, {2: 5.0}, {np.int64(2): 5}):
        found = weights_by_class(given, LABELS, 3, NAMES)
        assert found == {0: 1.0, 1: 1.0, 2: 5.0}


@pytest.mark.parametrize(
    ("given", "labels", "message"),
    [
        ("even", LABELS, "'balanced' or a dict.*Received: .*'even'"),
        ({"trahs": 2}, LABELS, "not there. Received: 'trahs'.*'trash'"),
        ({3: 2.0}, LABELS, "Received: 3. Expected an index from 0 to 2"),
        ({0: 0.0}, LABELS, "above 0. Received: 0.0 for class 0"),
        ({0: np.nan}, LABELS, "Received: nan for class 0"),
        ({0: "two"}, LABELS, "Received: 'two' for class 0"),
        ({2: 1.0, "trash": 2.0}, LABELS, "two weights for one class"),
        ("balanced", [0, 0, 1], "3 training samples, none of 1 .*'trash'"),
        ("balanced", [0], "1 training samples, none of 2 of 3 classes"),
        ("balanced", np.full((4, 3), 0.9), "neither integers nor one-hot"),
        ("balanced", [0.5, 1.5, 2.0], "neither integers nor one-hot"),
    ],
)
def test_what_does_not_fit_is_named(given, labels, message):
    with pytest.raises(ValueError, match=message):
        weights_by_class(given, labels, 3, NAMES)


def test_only_a_softmax_takes_class_weights():
    check_takes_class_weights("softmax", 3)
    for activation in ("sigmoid", "linear"):
        with pytest.raises(ValueError, match=r"one a sample .*sample_weight"):
            check_takes_class_weights(activation, 3)


def test_both_parts_are_weighted_by_the_training_counts():
    train = ArrayBatches(np.zeros((6, 2)), LABELS, np.full(6, 3.0))
    train.class_names = NAMES
    validation = ArrayBatches(np.zeros((2, 2)), np.array([2, 0]))
    train, validation = with_class_weights(train, validation, "balanced", 3)
    assert train.read(np.array([0, 5]))[2] == pytest.approx([2.0, 6.0])
    assert validation.read(np.arange(2))[2] == pytest.approx([2.0, 2 / 3])
    assert validation.class_weight == train.class_weight


def test_the_mix_that_scores_assume_is_told():
    weights = weights_by_class("balanced", LABELS, 3)
    text, mix = in_words(weights, LABELS, NAMES)
    assert text == "glass 0.667, paper 1, trash 2"
    assert mix == "the scores assume that all classes are equally common"
    mix = in_words({0: 1.0, 1: 1.0, 2: 5.0}, LABELS, NAMES)[1]
    # 3, 2 and 5 of 10.
    assert mix == "the scores assume the mix glass 0.3, paper 0.2, trash 0.5"
