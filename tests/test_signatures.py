"""Data and models that could stand in each other's place have names."""

import inspect

import pytest

import keras_transfer as kt
from keras_transfer import transferability, tuner

pytestmark = pytest.mark.any_backend

# What may be given without its name, of all that takes several data sets or
# models; the names after it can be given by name alone.
POSITIONAL = {
    "match": (lambda: kt.match, []),
    "FeatureMatcher": (lambda: kt.FeatureMatcher, []),
    "transfer_weights": (lambda: kt.transfer_weights, []),
    "source_retention": (lambda: kt.source_retention, []),
    "fine_tune": (lambda: kt.fine_tune, ["model", "train"]),
    "search": (lambda: kt.search, ["hypermodel", "train"]),
    "repeat_trial": (
        lambda: tuner.repeat_trial,
        ["model", "settings", "train"],
    ),
    "rank_backbones": (lambda: kt.rank_backbones, ["candidates", "data"]),
    "assess_transfer": (lambda: kt.assess_transfer, ["model", "target"]),
    "expected_accuracy": (lambda: kt.expected_accuracy, ["model"]),
    "UnknownDetector.fit": (
        lambda: kt.UnknownDetector.fit,
        ["model", "train"],
    ),
    "unknown_score": (lambda: transferability.unknown_score, []),
    "thresholded_confidence": (
        lambda: transferability.thresholded_confidence,
        [],
    ),
    "nce": (lambda: transferability.nce, []),
}


@pytest.mark.parametrize("name", POSITIONAL)
def test_data_that_could_be_swapped_have_names(name):
    found, expected = POSITIONAL[name]
    parameters = inspect.signature(found()).parameters.values()
    positional = [
        p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD
    ]
    assert [p for p in positional if p != "self"] == expected


@pytest.mark.parametrize(
    "name", ["match", "FeatureMatcher", "transfer_weights"]
)
def test_the_source_comes_before_the_target(name):
    parameters = [
        p for p in inspect.signature(getattr(kt, name)).parameters
        if p in ("source", "target")
    ]  # fmt: skip
    assert parameters == ["source", "target"]


def test_swapped_models_are_an_error_at_the_call():
    for call in (kt.match, kt.FeatureMatcher, kt.transfer_weights):
        with pytest.raises(TypeError, match="positional argument"):
            call("VGG16", "ResNet50")
    with pytest.raises(TypeError, match="positional argument"):
        kt.fine_tune("model", "train", "validation")
