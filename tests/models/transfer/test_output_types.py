"""The types that models announce are those of what they put out."""

import keras
import numpy as np
import pytest
from small_heads import own_head
from small_nets import conv_net

import keras_transfer as kt

layers = keras.layers
SHAPE = (8, 8, 3)
HEADS = {
    "classes": lambda: kt.ClassificationHead(3),
    "labels": lambda: kt.ClassificationHead(
        2, hidden_units=(4,), activation="sigmoid"
    ),
    "numbers": lambda: kt.RegressionHead(2),
    "own": lambda: own_head(layers.Dense(3, activation="softmax")),
}


@pytest.fixture(params=["mixed_bfloat16", "mixed_float16", "bfloat16"])
def policy(request):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(request.param)
    yield request.param
    keras.config.set_dtype_policy(before)


def type_of(tensor):
    return keras.backend.standardize_dtype(tensor.dtype)


def types(layer, inputs):
    """The type announced, and those with and without training."""
    given = keras.KerasTensor(inputs.shape, type_of(inputs))
    return [
        type_of(layer(given)),
        type_of(layer(inputs)),
        type_of(layer(inputs, training=True)),
    ]


@pytest.mark.parametrize("kind", HEADS)
def test_a_model_announces_the_type_that_it_puts_out(kind, policy):
    model = kt.TransferModel(
        conv_net(4), head=HEADS[kind](), preprocessing="tf",
        augmentation=layers.RandomFlip(),
    )  # fmt: skip
    x = keras.ops.ones((2, *SHAPE))
    half = policy.removeprefix("mixed_")
    expected = half if kind == "own" else "float32"
    assert types(model, x) == [expected] * 3
    assert type_of(model.output) == expected
    assert type_of(model.features) == half
    assert type_of(model.backbone(model.preprocessing(x))) == half
    assert str(model.predict(np.ones((2, *SHAPE)), verbose=0).dtype) == expected
    if kind != "own":
        assert types(model.logits, x) == [expected] * 3


LAYERS = {
    "head": (HEADS["classes"], "float32"),
    "adapter": (lambda: kt.FeatureAdapter((4, 4, 5), always=True), "half"),
    "preprocessing": (lambda: kt.ImageNetPreprocessing("tf"), "half"),
}


@pytest.mark.parametrize("given", ["float32", "bfloat16"])
@pytest.mark.parametrize("kind", LAYERS)
def test_layers_alone_do_too(kind, given, policy):
    make, expected = LAYERS[kind]
    layer, x = make(), keras.ops.ones((2, *SHAPE), given)
    announced = type_of(layer(keras.KerasTensor(x.shape, given)))
    half = policy.removeprefix("mixed_")
    assert announced == (half if expected == "half" else expected)
    assert type_of(layer(x)) == announced
