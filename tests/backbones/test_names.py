"""resolve_backbone: names of keras.applications, at any size."""

import keras
import pytest

from keras_transfer.backbones.applications import APPLICATIONS
from keras_transfer.backbones.resolving import resolve_backbone

pytestmark = pytest.mark.any_backend


def test_name_gives_an_untrained_model_at_the_default_size():
    source = resolve_backbone("MobileNetV3Small", weights=None)
    assert source.input_shape == source.model.input_shape[1:] == (224, 224, 3)
    assert source.preprocessing == "none"
    assert (source.name, source.min_size) == ("MobileNetV3Small", 32)
    assert not source.pretrained
    assert source.model.output_shape == (None, 7, 7, 576)
    assert resolve_backbone(source) is source


def test_name_with_unknown_size_and_with_four_channels():
    source = resolve_backbone(
        "MobileNetV3Small", weights=None, input_shape=(None, None, 3)
    )
    assert source.model.output_shape == (None, None, None, 576)
    source = resolve_backbone(
        "MobileNetV3Small", weights=None, input_shape=(40, 64, 4)
    )
    assert source.input_shape == source.model.input_shape[1:] == (40, 64, 4)


def test_output_layer_of_a_name(capsys):
    source = resolve_backbone(
        "VGG16",
        weights=None,
        input_shape=(32, 32, 3),
        output_layer="block3_pool",
    )
    assert source.model.output_shape == (None, 4, 4, 256)
    assert "at 'block3_pool'" in capsys.readouterr().out
    with pytest.raises(ValueError, match="block3_pool"):
        resolve_backbone(
            "VGG16",
            weights=None,
            input_shape=(32, 32, 3),
            output_layer="block3",
        )


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("Resnet50", "ResNet50"), ("mobilenetv2", "MobileNetV2"), ("qqq", "VGG")],
)
def test_unknown_name_names_the_nearest(name, nearest):
    with pytest.raises(ValueError, match="Unknown backbone") as caught:
        resolve_backbone(name)
    assert "path to a .keras file or a model" in str(caught.value)
    assert name == "qqq" or nearest in str(caught.value)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((31, 64, 3), "at least 32 x 32"),
        ((3, 224, 224), "at least 32 x 32.*channels_last"),
        ((64, 64, None), "known number of channels"),
        ((64, 64, 0), "known number of channels"),
        ((64, 64), "height, width, channels"),
    ],
)
def test_shapes_that_no_image_has(shape, message):
    with pytest.raises(ValueError, match=message):
        resolve_backbone("MobileNetV3Small", weights=None, input_shape=shape)


def test_the_smallest_size_is_the_model_s_own():
    with pytest.raises(ValueError, match=r"Xception needs .* 71 x 71"):
        resolve_backbone("Xception", weights=None, input_shape=(70, 80, 3))


def test_channels_first_shapes():
    row = APPLICATIONS["ResNet50"]
    before = keras.config.image_data_format()
    keras.config.set_image_data_format("channels_first")
    try:
        assert row.full_input_shape() == (3, 224, 224)
        row.check_input_shape((1, 32, None))
        with pytest.raises(ValueError, match="at least 32 x 32"):
            row.check_input_shape((224, 224, 3))
    finally:
        keras.config.set_image_data_format(before)
