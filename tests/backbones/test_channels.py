"""adapt_input: by hand, on small nets, and on real architectures."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_transfer.backbones.channels import (
    adapt_input,
    adapt_kernel,
    adapt_statistics,
)

pytestmark = pytest.mark.any_backend


def outputs(model, images):
    return ops.convert_to_numpy(model(images))


def grey_images(rng, size=16):
    return rng.uniform(0, 255, (2, size, size, 1)).astype("float32")


def small_network(*first, shape=(16, 16, 3)):
    inputs = keras.Input(shape)
    x = inputs
    for layer in first:
        x = layer(x)
    x = layers.Conv2D(4, 3, padding="same", name="conv")(x)
    x = layers.BatchNormalization(name="norm")(x)
    return keras.Model(inputs, layers.MaxPooling2D()(x), name="small")


KERNEL = np.array([[1.0, 2], [3, 4], [5, 6]])  # 3 channels, 2 filters


@pytest.mark.parametrize(
    ("num_channels", "expected"),
    [
        (1, [[9, 12]]),
        (2, [[1.5, 3], [4.5, 6]]),
        (3, KERNEL),
        (4, [[0.75, 1.5], [2.25, 3], [3.75, 4.5], [0.75, 1.5]]),
    ],
)
def test_kernel_by_hand(num_channels, expected):
    np.testing.assert_allclose(adapt_kernel(KERNEL, num_channels), expected)


@pytest.mark.parametrize(
    ("num_channels", "expected"),
    [(1, [4]), (2, [2, 4]), (3, [2, 4, 6]), (5, [2, 4, 6, 2, 4])],
)
def test_statistics_by_hand(num_channels, expected):
    np.testing.assert_allclose(
        adapt_statistics([2, 4, 6], num_channels), expected
    )


def test_one_channel_equals_a_grey_image_repeated(rng):
    model = small_network()
    images = grey_images(rng)
    result = outputs(adapt_input(model, (16, 16, 1)), images)
    expected = outputs(model, np.repeat(images, 3, axis=-1))
    np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-3)


def test_six_channels_equal_the_same_image_twice(rng):
    model = small_network()
    images = rng.uniform(0, 255, (2, 16, 16, 3)).astype("float32")
    twice = np.concatenate([images, images], axis=-1)
    result = outputs(adapt_input(model, (16, 16, 6)), twice)
    np.testing.assert_allclose(
        result, outputs(model, images), rtol=1e-4, atol=1e-3
    )


def test_another_resolution_keeps_weights_names_and_the_original(rng):
    model = small_network()
    before = model.get_weights()
    adapted = adapt_input(model, (24, 32, 3))
    assert adapted.output_shape == (None, 12, 16, 4)
    assert adapted.name == "small"
    assert [x.name for x in adapted.layers] == [x.name for x in model.layers]
    adapted.get_layer("conv").set_weights(
        [np.zeros(w.shape) for w in adapted.get_layer("conv").weights]
    )
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    unknown = adapt_input(model, (None, None, 3))
    images = rng.normal(size=(1, 20, 28, 3)).astype("float32")
    assert outputs(unknown, images).shape == (1, 10, 14, 4)


def test_statistics_given_as_arguments(rng):
    # (x / [2, 4, 6] - [1, 2, 3]) / sqrt([4, 9, 16])
    first = [
        layers.Rescaling([1 / 2, 1 / 4, 1 / 6], offset=[0.0, 0.0, 0.0]),
        layers.Normalization(mean=[1, 2, 3], variance=[4, 9, 16]),
    ]
    adapted = adapt_input(small_network(*first), (16, 16, 1))
    scale, norm = adapted.layers[1:3]
    x = scale(np.full((1, 1, 1, 1), 36.0))
    # Average scale 11/36, average mean 2, average variance 29/3.
    np.testing.assert_allclose(outputs(lambda x: x, x), 11.0, rtol=1e-5)
    np.testing.assert_allclose(
        ops.convert_to_numpy(norm(x)).ravel(), [9 / np.sqrt(29 / 3)], rtol=1e-5
    )


def test_statistics_learned_from_data_are_used(rng):
    norm = layers.Normalization()
    norm.adapt(rng.normal([1, 2, 3], 1, (50, 4, 4, 3)).astype("float32"))
    model = small_network(norm)
    adapted = adapt_input(model, (16, 16, 4))
    mean = ops.convert_to_numpy(norm.weights[0])
    new = adapted.layers[1]
    np.testing.assert_allclose(
        ops.convert_to_numpy(new.weights[0]), mean[[0, 1, 2, 0]]
    )
    at_mean = ops.convert_to_numpy(new(mean[[0, 1, 2, 0]].reshape(1, 1, 1, 4)))
    np.testing.assert_allclose(at_mean, 0, atol=1e-6)


def test_batch_norm_on_the_image(rng):
    model = small_network(layers.BatchNormalization(name="first"))
    values = [np.array(v) for v in ([1, 2, 3], [4, 5, 6], [7, 8, 9], [1, 4, 7])]
    model.get_layer("first").set_weights(values)
    adapted = adapt_input(model, (16, 16, 1)).get_layer("first")
    means = [v.item() for v in adapted.get_weights()]
    assert means == [2, 5, 8, 4]


def test_nested_models_follow(rng):
    stem = keras.Sequential(
        [layers.Conv2D(4, 2, strides=2), layers.BatchNormalization()],
        name="stem",
    )
    inputs = keras.Input((8, 8, 4))
    body = keras.Model(inputs, layers.Conv2D(5, 3)(inputs), name="body")
    whole = keras.Sequential([keras.Input((16, 16, 3)), stem, body])
    adapted = adapt_input(whole, (32, 32, 1))
    assert adapted.output_shape == (None, 14, 14, 5)
    images = grey_images(rng, 32)
    same_size = adapt_input(whole, (32, 32, 3))
    np.testing.assert_allclose(
        outputs(adapted, images),
        outputs(same_size, np.repeat(images, 3, axis=-1)),
        rtol=1e-4,
        atol=1e-3,
    )


def test_sequences_and_vectors_can_change_length():
    inputs = keras.Input((10, 6))
    model = keras.Model(inputs, layers.LSTM(4)(inputs))
    assert adapt_input(model, (20, 6)).input_shape == (None, 20, 6)


class Subclassed(keras.Model):
    def call(self, inputs):
        return inputs


@pytest.mark.parametrize(
    ("build", "shape", "message"),
    [
        (
            lambda: keras.Sequential(
                [keras.Input((8, 8, 3)), layers.Flatten(), layers.Dense(2)]
            ),
            (16, 16, 3),
            r"Cannot adapt .*kernel.* of a Dense from shape \(192, 2\)",
        ),
        (
            lambda: keras.Sequential(
                [keras.Input((8, 8, 3)), layers.DepthwiseConv2D(3)]
            ),
            (8, 8, 1),
            "ordinary convolutions",
        ),
        (lambda: small_network(), (16, 3), "another number of axes"),
        (
            lambda: Subclassed(name="own"),
            (16, 16, 3),
            "'own'.* 0 symbolic inputs",
        ),
        pytest.param(
            lambda: keras.Sequential(
                [keras.Input((8, 8, 3)), layers.Conv2D(4, 3)]
            ),
            (2, 2, 3),
            r"Cannot rebuild .* for input_shape=\(2, 2, 3\)",
            marks=pytest.mark.skipif(
                keras.__version__.startswith("3.12."),
                reason="Keras 3.12 builds a map without pixels",
            ),
        ),
    ],
    ids=["flatten", "depthwise", "rank", "subclassed", "too small"],
)
def test_what_cannot_be_adapted(build, shape, message):
    with pytest.raises(ValueError, match=message):
        adapt_input(build(), shape)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("MobileNetV2", marks=pytest.mark.slow),
        "MobileNetV3Small",
        pytest.param("VGG16", marks=pytest.mark.slow),
        pytest.param("ResNet50", marks=pytest.mark.slow),
        pytest.param("EfficientNetB0", marks=pytest.mark.slow),
        pytest.param("EfficientNetV2B0", marks=pytest.mark.slow),
        pytest.param("ConvNeXtTiny", marks=pytest.mark.slow),
    ],
)
def test_architectures_with_one_and_four_channels(name, rng):
    constructor = getattr(keras.applications, name)
    model = constructor(
        weights=None, include_top=False, input_shape=(32, 32, 3)
    )
    images = grey_images(rng, 32)
    for num_channels in (1, 4):
        adapted = adapt_input(model, (32, 32, num_channels))
        result = outputs(adapted, np.repeat(images, num_channels, axis=-1))
        assert result.shape == (2, *model.output_shape[1:])
        assert np.isfinite(result).all()
        if num_channels == 1 and name in ("VGG16", "MobileNetV2", "ResNet50"):
            expected = outputs(model, np.repeat(images, 3, axis=-1))
            np.testing.assert_allclose(
                result, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max()
            )
