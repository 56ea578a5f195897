"""ImageNetPreprocessing against Keras' own functions and by hand."""

import sys

import keras
import numpy as np
import pytest
from keras import ops

from keras_transfer.layers import ImageNetPreprocessing

CONSTRUCTORS = {
    "tf": "MobileNetV2",
    "caffe": "ResNet50",
    "torch": "DenseNet121",
}


def keras_preprocess_input(constructor):
    module = getattr(keras.applications, constructor).__module__
    return sys.modules[module].preprocess_input


def apply(mode, images, **options):
    return ops.convert_to_numpy(ImageNetPreprocessing(mode, **options)(images))


@pytest.mark.parametrize("mode", CONSTRUCTORS)
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_equals_the_function_of_keras(mode, data_format, rng):
    shape = (2, 5, 7, 3) if data_format == "channels_last" else (2, 3, 5, 7)
    images = rng.uniform(0, 255, shape).astype("float32")
    expected = keras_preprocess_input(CONSTRUCTORS[mode])(
        images.copy(), data_format=data_format
    )
    result = apply(mode, images, data_format=data_format)
    np.testing.assert_allclose(result, expected, atol=1e-5, rtol=1e-5)


def test_none_changes_nothing(rng):
    images = rng.uniform(0, 255, (2, 4, 4, 3)).astype("float32")
    np.testing.assert_array_equal(apply("none", images), images)


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("tf", [100 / 127.5 - 1]),
        # (123.68 + 116.779 + 103.939) / 3 = 114.799333
        ("caffe", [100 - 114.7993333]),
        # mean of means 0.449, mean of deviations 0.226
        ("torch", [(100 / 255 - 0.449) / 0.226]),
    ],
)
def test_one_channel_takes_the_average_statistics(mode, expected):
    images = np.full((1, 2, 2, 1), 100.0, "float32")
    result = apply(mode, images)
    assert result.shape == (1, 2, 2, 1)
    np.testing.assert_allclose(result[0, 0, 0], expected, rtol=1e-5)


def test_caffe_reverses_the_first_three_of_five_channels():
    pixel = np.array([10, 20, 30, 40, 50], "float32").reshape(1, 1, 1, 5)
    # Blue 30, green 20, red 10, then the statistics start again with blue.
    expected = [30 - 103.939, 20 - 116.779, 10 - 123.68, 40 - 103.939]
    expected.append(50 - 116.779)
    np.testing.assert_allclose(
        apply("caffe", pixel)[0, 0, 0], expected, rtol=1e-5
    )


def test_two_channels_keep_their_order():
    pixel = np.array([10, 20], "float32").reshape(1, 1, 1, 2)
    np.testing.assert_allclose(
        apply("caffe", pixel)[0, 0, 0], [10 - 103.939, 20 - 116.779], rtol=1e-5
    )


def test_torch_repeats_statistics_for_four_channels():
    pixel = np.full((1, 1, 1, 4), 255.0, "float32")
    expected = [0.515 / 0.229, 0.544 / 0.224, 0.594 / 0.225, 0.515 / 0.229]
    np.testing.assert_allclose(
        apply("torch", pixel)[0, 0, 0], expected, rtol=1e-5
    )


def test_half_precision_is_only_for_the_result():
    # 254.7 is 255 in bfloat16, so an early cast would give exactly 1.
    images = np.full((1, 1, 1, 3), 254.7, "float32")
    result = ImageNetPreprocessing("tf", dtype="mixed_bfloat16")(images)
    assert keras.backend.standardize_dtype(result.dtype) == "bfloat16"
    late = ops.convert_to_numpy(
        ops.cast(ops.cast(254.7 / 127.5 - 1, "bfloat16"), "float32")
    )
    np.testing.assert_array_equal(
        ops.convert_to_numpy(ops.cast(result, "float32")),
        np.full((1, 1, 1, 3), late),
    )


def test_integer_images_are_taken():
    images = np.full((1, 1, 1, 3), 255, "uint8")
    np.testing.assert_allclose(apply("tf", images), 1.0)


def test_round_trip_inside_a_model(tmp_path, rng):
    inputs = keras.Input((None, None, 3))
    layer = ImageNetPreprocessing("caffe", name="preprocessing")
    model = keras.Model(inputs, layer(inputs))
    model.save(tmp_path / "model.keras")
    copy = keras.saving.load_model(tmp_path / "model.keras")
    assert copy.get_layer("preprocessing").get_config() == layer.get_config()
    images = rng.uniform(0, 255, (1, 4, 4, 3)).astype("float32")
    np.testing.assert_array_equal(
        ops.convert_to_numpy(copy(images)), ops.convert_to_numpy(model(images))
    )
    assert model.weights == []


def test_unknown_mode_names_the_nearest():
    with pytest.raises(ValueError, match=r"Received: mode='cafe'.*'caffe'"):
        ImageNetPreprocessing("cafe")


def test_unknown_number_of_channels_is_an_error():
    with pytest.raises(ValueError, match="known number of channels"):
        ImageNetPreprocessing("tf")(keras.Input((4, 4, None)))
