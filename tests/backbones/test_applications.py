"""The table of keras.applications, and recognising what was made of it."""

import inspect

import keras
import numpy as np
import pytest
from keras import layers
from small_backbones import classifier, module_of, outputs, pixels

from keras_transfer.backbones.applications import (
    APPLICATIONS,
    recognize_application,
)
from keras_transfer.backbones.resolving import list_backbones, resolve_backbone
from keras_transfer.layers import ImageNetPreprocessing


def test_the_table_is_complete():
    constructors = {
        name
        for name in dir(keras.applications)
        if inspect.isfunction(getattr(keras.applications, name))
    }
    assert set(APPLICATIONS) == constructors
    assert len(APPLICATIONS) == 40


def test_list_backbones():
    rows = list_backbones()
    assert [row["name"] for row in rows] == sorted(APPLICATIONS)
    assert isinstance(rows[-1].pop("weights_here"), bool)
    assert rows[-1] == {
        "name": "Xception",
        "preprocessing": "tf",
        "min_size": 71,
        "default_size": 299,
        "num_params": 20_861_480,
        "num_blocks": 16,
        "sizes_here": [],
    }


def test_weights_are_here_for_the_sizes_whose_files_are(tmp_path, monkeypatch):
    names = (
        "mobilenet_1_0_160_tf_no_top.h5",
        "mobilenet_2_5_224_tf_no_top.h5",  # a quarter of the width
        "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_96_no_top.h5",
        "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5",
        "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_192.h5",
        "weights_mobilenet_v3_small_224_1.0_float_no_top_v2.h5",
    )
    (tmp_path / "models").mkdir()
    for name in names:
        (tmp_path / "models" / name).touch()
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    found = {
        row["name"]: (row["weights_here"], row["sizes_here"])
        for row in list_backbones()
    }
    assert found.pop("MobileNet") == (False, [160])
    assert found.pop("MobileNetV2") == (True, [96, 224])
    assert found.pop("MobileNetV3Small") == (True, [])
    assert all(weights == (False, []) for weights in found.values())


@pytest.mark.parametrize("name", APPLICATIONS)
def test_preprocessing_equals_that_of_keras(name, rng):
    images = pixels(rng, 5)
    expected = module_of(name).preprocess_input(images.copy())
    layer = ImageNetPreprocessing(APPLICATIONS[name].preprocessing)
    np.testing.assert_allclose(
        outputs(layer, images), expected, atol=1e-5, rtol=1e-5
    )


@pytest.mark.parametrize("name", APPLICATIONS)
def test_keras_refuses_smaller_images(name):
    size = APPLICATIONS[name].min_size - 1
    with pytest.raises(ValueError, match=r"at least|torch backend"):
        getattr(keras.applications, name)(
            weights=None, include_top=False, input_shape=(size, size, 3)
        )


SMALL_ONES = [
    "MobileNet",
    "MobileNetV3Small",
    "MobileNetV2",
    "MobileNetV3Large",
    "VGG16",
    "ResNet50",
    "ResNet50V2",
    "ConvNeXtTiny",
    "DenseNet121",
    "EfficientNetB0",
    "EfficientNetV2B0",
    "InceptionV3",
    "Xception",
]


@pytest.mark.parametrize(
    "name",
    [
        SMALL_ONES[0],
        *[pytest.param(n, marks=pytest.mark.slow) for n in SMALL_ONES[1:]],
    ],
)
def test_whole_models_are_cut_and_recognised(name, capsys):
    row = APPLICATIONS[name]
    whole = row.constructor(weights=None, classes=3)
    assert whole.input_shape[1] in (row.default_size, None)
    source = resolve_backbone(whole)
    assert source.name == name
    assert source.preprocessing == row.preprocessing
    assert source.min_size == row.min_size
    assert len(source.model.output_shape) == 4
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith(f"backbone: cut {whole.name!r} at ")
    assert f"was recognised as {name}" in printed[1]


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    ["MobileNetV3Small", "EfficientNetV2B0", "EfficientNetV2S", "ConvNeXtTiny"],
)
def test_models_without_preprocessing_inside_get_it(name, rng):
    constructor = getattr(keras.applications, name)
    options = {
        "weights": None,
        "include_top": False,
        "input_shape": (32, 32, 3),
    }
    bare = constructor(include_preprocessing=False, **options)
    source = resolve_backbone(bare)
    within = resolve_backbone(name, weights=None, input_shape=(32, 32, 3))
    assert within.preprocessing == "none"
    within.model.set_weights(bare.get_weights())
    outside = source.preprocessing
    if isinstance(outside, str):
        outside = ImageNetPreprocessing(outside)
    images = pixels(rng, 32)
    expected = outputs(within.model, images)
    np.testing.assert_allclose(
        outputs(source.model, outside(images)),
        expected,
        rtol=1e-3,
        atol=1e-4 * np.abs(expected).max(),
    )


def test_recognition_needs_more_than_the_name(capsys):
    model = classifier(name="vgg16")
    source = resolve_backbone(model)
    assert (source.name, source.preprocessing) == ("vgg16", "none")
    assert "recognised" not in capsys.readouterr().out


def test_recognition_of_other_widths_and_later_versions():
    options = {
        "weights": None,
        "include_top": False,
        "input_shape": (32, 32, 3),
    }
    narrow = keras.applications.MobileNet(alpha=0.25, **options)
    assert recognize_application(narrow).name == "MobileNet"
    same_start = keras.Sequential([keras.Input((4,)), layers.Dense(2)])
    assert recognize_application(same_start) is None


def test_a_recognised_model_keeps_its_smallest_size():
    model = keras.applications.MobileNet(
        weights=None, include_top=False, input_shape=(64, 64, 3), alpha=0.25
    )
    with pytest.raises(ValueError, match="at least 32"):
        resolve_backbone(model, input_shape=(16, 16, 3))
