"""One row of outputs in words."""

import keras
import numpy as np
import pytest
from small_heads import own_head, two_outputs
from small_nets import conv_net

import keras_transfer as kt
from keras_transfer.serving.predictions import describe

layers = keras.layers


def model_with(head, names=None):
    model = kt.TransferModel(
        conv_net(4), head=head, output_layer="relu0", preprocessing=None
    )
    model.class_names = names
    return model


def test_a_softmax_of_ones_own_names_the_winner():
    head = own_head(layers.Dense(3), layers.Softmax())
    model = model_with(head, ["a", "b", "c"])
    found = describe(model, np.array([0.2, 0.7, 0.1]))
    assert (found["label"], found["score"]) == ("b", 0.7)
    assert [each["label"] for each in found["top"]] == ["b", "a", "c"]


ONE_SIGMOID = {
    "two names, 1": (["cat", "dog"], 0.9, "dog", 0.9),
    "two names, 0": (["cat", "dog"], 0.2, "cat", 0.8),
}


@pytest.mark.parametrize("case", ONE_SIGMOID)
def test_one_sigmoid_tells_two_names_apart(case):
    names, value, label, score = ONE_SIGMOID[case]
    head = own_head(layers.Dense(1, activation="sigmoid"))
    found = describe(model_with(head, names), np.array([value]))
    assert found["label"] == label
    assert found["score"] == pytest.approx(score)
    assert len(found["top"]) == 2


def test_one_sigmoid_with_one_name_is_a_label():
    head = kt.ClassificationHead(1, activation="sigmoid")
    found = describe(model_with(head, ["dog"]), np.array([0.2]))
    assert found["labels"] == []
    assert found["top"] == [{"label": "dog", "score": 0.2}]


def test_several_outputs_are_described_by_name():
    model = model_with(two_outputs(True), {"kind": ["a", "b", "c"]})
    values = {"age": np.array([41.0]), "kind": np.array([0.1, 0.2, 0.7])}
    found = describe(model, values)
    assert found["kind"]["label"] == "c"
    assert found["age"]["values"] == {"0": 41.0}
