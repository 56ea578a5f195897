"""resolve_backbone: names, weights, files, models."""

import inspect
import sys

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_transfer.backbones.applications import (
    APPLICATIONS,
    recognize_application,
)
from keras_transfer.backbones.resolving import list_backbones, resolve_backbone
from keras_transfer.layers import ImageNetPreprocessing

IMAGENET_MEAN = [0.485, 0.456, 0.406]
IMAGENET_VARIANCE = [0.229**2, 0.224**2, 0.225**2]


def outputs(model, images):
    return ops.convert_to_numpy(model(images))


def module_of(name):
    return sys.modules[getattr(keras.applications, name).__module__]


def classifier(name="own"):
    return keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            layers.Conv2D(4, 3, name="conv"),
            layers.MaxPooling2D(name="pool"),
            layers.Flatten(name="flat"),
            layers.Dense(5, name="scores"),
        ],
        name=name,
    )


def pixels(rng, size=16, channels=3):
    return rng.uniform(0, 255, (2, size, size, channels)).astype("float32")


# The table of keras.applications.


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
    }


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


# By name.


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


# Weight files.


def test_a_weight_file_is_loaded(tmp_path):
    options = {"input_shape": (32, 32, 3)}
    model = resolve_backbone("MobileNetV3Small", weights=None, **options).model
    for name in ("a.weights.h5", "a.keras"):
        path = tmp_path / name
        (model.save_weights if "weights" in name else model.save)(path)
        source = resolve_backbone("MobileNetV3Small", weights=path, **options)
        assert source.pretrained
        for old, new in zip(
            model.get_weights(), source.model.get_weights(), strict=True
        ):
            np.testing.assert_array_equal(old, new)


def test_a_missing_weight_file_is_named():
    with pytest.raises(FileNotFoundError, match=r"'no/such\.weights\.h5'"):
        resolve_backbone("MobileNetV2", weights="no/such.weights.h5")


def test_weights_of_another_architecture_name_both(tmp_path):
    options = {
        "weights": None,
        "include_top": False,
        "input_shape": (32, 32, 3),
    }
    vgg = keras.applications.VGG16(**options)
    vgg.save_weights(tmp_path / "file.weights.h5")
    with pytest.raises(ValueError, match="do not fit") as caught:
        resolve_backbone("MobileNet", weights=str(tmp_path / "file.weights.h5"))
    for part in ("file.weights.h5", "'MobileNet'", "VGG16"):
        assert part in str(caught.value)


def test_weights_with_top_are_told(tmp_path):
    whole = keras.applications.MobileNet(weights=None, classes=3)
    whole.save_weights(tmp_path / "whole.weights.h5")
    inner = resolve_backbone("MobileNet", weights=None)
    inner.model.save_weights(tmp_path / "inner.weights.h5")
    path = tmp_path / "damaged.weights.h5"
    path.write_bytes((tmp_path / "inner.weights.h5").read_bytes()[:5000])
    with pytest.raises(ValueError, match="damaged"):
        resolve_backbone("MobileNet", weights=path)
    smaller = keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(2, 3)])
    with pytest.raises(ValueError, match="classifier's top"):
        smaller.save_weights(tmp_path / "small.weights.h5")
        big = classifier()
        big.save_weights(tmp_path / "big.weights.h5")
        resolve_backbone(
            keras.Model(smaller.inputs, smaller.outputs, name="small"),
            weights=tmp_path / "big.weights.h5",
        )


def fake_efficientnet_file(folder, mean):
    """A weight file as `weights="imagenet"` would download it."""
    model = keras.applications.EfficientNetB0(
        weights=None, include_top=False, input_shape=(32, 32, 3)
    )
    norm = next(x for x in model.layers if isinstance(x, layers.Normalization))
    norm.set_weights([np.array(mean), np.array(IMAGENET_VARIANCE), np.array(0)])
    path = folder / "efficientnetb0_notop.weights.h5"
    model.save_weights(path)
    return path


def stem(model):
    """The part that normalises, up to the first convolution."""
    return keras.Model(model.inputs, model.get_layer("stem_conv").output)


def test_efficientnet_path_equals_imagenet(tmp_path, monkeypatch, rng):
    path = fake_efficientnet_file(tmp_path, IMAGENET_MEAN)
    monkeypatch.setattr(
        module_of("EfficientNetB0").file_utils,
        "get_file",
        lambda *args, **kwargs: str(path),
    )
    options = {"input_shape": (32, 32, 3)}
    named = resolve_backbone("EfficientNetB0", **options).model
    given = resolve_backbone("EfficientNetB0", weights=path, **options).model
    for first, second in zip(
        named.get_weights(), given.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(first, second)
    kinds = [type(layer) for layer in named.layers]
    assert [type(layer) for layer in given.layers] == kinds
    images = pixels(rng, 32)
    expected = outputs(stem(named), images)
    result = outputs(stem(given), images)
    np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-5)
    plain = keras.applications.EfficientNetB0(
        weights=path, include_top=False, **options
    )
    # What Keras alone gives for the same file is something else.
    assert np.abs(outputs(stem(plain), images) - expected).max() > 0.1


def test_efficientnet_trained_from_scratch_stays(tmp_path, rng):
    path = fake_efficientnet_file(tmp_path, [0.0, 0, 0])
    options = {"weights": path, "input_shape": (32, 32, 3)}
    result = resolve_backbone("EfficientNetB0", **options).model
    plain = keras.applications.EfficientNetB0(include_top=False, **options)
    images = pixels(rng, 32)
    np.testing.assert_array_equal(
        outputs(stem(result), images), outputs(stem(plain), images)
    )


def test_a_failed_download_says_what_to_do(monkeypatch):
    def fail(*args, **kwargs):
        raise Exception("URL fetch failure on https://x/mobilenet.h5: None")

    monkeypatch.setattr(module_of("MobileNet").file_utils, "get_file", fail)
    with pytest.raises(FileNotFoundError, match="MobileNet ") as caught:
        resolve_backbone("MobileNet")
    for part in (
        "https://x/mobilenet.h5",
        "KERAS_HOME",
        "weights=None",
        "models",
    ):
        assert part in str(caught.value)


@pytest.mark.assets
def test_real_weights_by_name(keras_home, monkeypatch, rng):
    name = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5"
    path = keras_home / "models" / name
    if not path.is_file():
        pytest.skip(f"no {path}")
    # KERAS_HOME itself is read when Keras is imported.
    monkeypatch.setattr(
        module_of("MobileNetV2").file_utils,
        "get_file",
        lambda *a, **k: str(path),
    )
    images = pixels(rng, 224)
    plain = keras.applications.MobileNetV2(include_top=False, weights=str(path))
    preprocessed = ImageNetPreprocessing("tf")(images)
    expected = outputs(plain, preprocessed)
    for weights in ("imagenet", path):
        source = resolve_backbone("MobileNetV2", weights=weights)
        assert source.preprocessing == "tf"
        result = outputs(source.model, preprocessed)
        np.testing.assert_array_equal(result, expected)
    theirs = keras.applications.mobilenet_v2.preprocess_input(images)
    np.testing.assert_allclose(outputs(plain, theirs), expected, atol=1e-3)
    assert expected.max() > 0.1


# Models of one's own.


def test_a_classifier_is_cut_and_the_cut_printed(capsys, rng):
    model = classifier()
    source = resolve_backbone(model)
    assert capsys.readouterr().out == (
        "backbone: cut 'own' at 'pool' (None, 7, 7, 4); dropped flat, scores\n"
    )
    assert source.model.output_shape == (None, 7, 7, 4)
    assert (source.name, source.preprocessing) == ("own", "none")
    assert (source.min_size, source.input_shape) == (None, (16, 16, 3))
    assert source.pretrained
    assert not resolve_backbone(model, weights=None).pretrained
    images = pixels(rng)
    expected = model.layers[1](model.layers[0](images))
    np.testing.assert_array_equal(
        outputs(source.model, images), ops.convert_to_numpy(expected)
    )
    # The layers are shared, not copied.
    assert source.model.get_layer("conv") is model.get_layer("conv")


def test_output_layer_overrides_the_cut(capsys):
    source = resolve_backbone(classifier(), output_layer="conv")
    assert source.model.output_shape == (None, 14, 14, 4)
    assert "dropped pool, flat, scores" in capsys.readouterr().out


def test_a_feature_extractor_is_taken_whole(capsys):
    inputs = keras.Input((16, 16, 3))
    model = keras.Model(inputs, layers.Conv2D(4, 3)(inputs))
    assert resolve_backbone(model).model is model
    assert capsys.readouterr().out == ""
    single = keras.Model(inputs, layers.Conv2D(4, 16)(inputs))
    assert single.output_shape == (None, 1, 1, 4)
    assert resolve_backbone(single).model is single


def test_another_shape_makes_an_adapted_copy():
    model = classifier()
    source = resolve_backbone(model, input_shape=(20, 20, 1))
    assert source.model.input_shape == (None, 20, 20, 1)
    assert source.model.output_shape == (None, 9, 9, 4)
    kernel = model.get_layer("conv").get_weights()[0]
    np.testing.assert_allclose(
        source.model.get_layer("conv").get_weights()[0],
        kernel.sum(axis=2, keepdims=True),
        rtol=1e-5,
        atol=1e-6,
    )


def test_weights_of_a_model_of_one_s_own(tmp_path):
    first, second = classifier(), classifier()
    first.save_weights(tmp_path / "own.weights.h5")
    resolve_backbone(second, weights=tmp_path / "own.weights.h5")
    np.testing.assert_array_equal(
        first.get_weights()[0], second.get_weights()[0]
    )


class Subclassed(keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = layers.Dense(4)

    def call(self, inputs):
        return self.dense(inputs)


def test_a_subclassed_model_is_one_block(capsys, rng):
    model = Subclassed(name="own")
    source = resolve_backbone(model, input_shape=(16, 16, 3))
    assert (
        "'own', a subclassed Subclassed, is one block"
        in capsys.readouterr().out
    )
    assert source.model.input_shape == (None, 16, 16, 3)
    images = pixels(rng)
    np.testing.assert_array_equal(
        outputs(source.model, images), outputs(model, images)
    )
    with pytest.raises(ValueError, match="Give `input_shape`"):
        resolve_backbone(Subclassed())
    with pytest.raises(ValueError, match="needs a model with a graph"):
        resolve_backbone(model, input_shape=(16, 16, 3), output_layer="dense")


def test_an_unbuilt_sequential_is_built():
    model = keras.Sequential([layers.Conv2D(4, 3)])
    source = resolve_backbone(model, input_shape=(8, 8, 3))
    assert source.model.output_shape == (None, 6, 6, 4)
    with pytest.raises(ValueError, match="not built"):
        resolve_backbone(keras.Sequential([layers.Conv2D(4, 3)]))


def test_dictionaries_of_inputs():
    tokens = keras.Input((None,), name="tokens", dtype="int32")
    mask = keras.Input((None,), name="mask", dtype="bool")
    x = layers.Embedding(9, 4)(tokens)
    x = layers.LSTM(3)(x, mask=mask)
    inputs = {"tokens": tokens, "mask": mask}
    source = resolve_backbone(keras.Model(inputs, x))
    assert source.input_shape == {"tokens": (None,), "mask": (None,)}
    with pytest.raises(ValueError, match="has 2 inputs"):
        resolve_backbone(source.model, input_shape=(8,))


def transfer_like(backbone, preprocessing):
    """Has the two attributes by which a TransferModel is known."""
    inputs = keras.Input(backbone.input_shape[1:])
    features = backbone(preprocessing(inputs))
    scores = layers.Dense(2)(layers.GlobalAveragePooling2D()(features))
    model = keras.Model(inputs, scores)
    model.backbone, model.preprocessing = backbone, preprocessing
    return model


def test_a_transfer_model_gives_its_own_backbone(capsys):
    backbone = keras.Sequential([keras.Input((16, 16, 3)), layers.Conv2D(4, 3)])
    preprocessing = ImageNetPreprocessing("tf")
    source = resolve_backbone(transfer_like(backbone, preprocessing))
    assert source.preprocessing is preprocessing
    assert source.model.layers[-1] is backbone.layers[-1]
    assert capsys.readouterr().out == ""


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


# Model files.


def test_a_model_file_is_loaded_and_cut(tmp_path, capsys, rng):
    model = classifier()
    model.compile("sgd", "mse")
    for path in (tmp_path / "own.keras", str(tmp_path / "own.keras")):
        model.save(path)
        source = resolve_backbone(path)
        assert "cut 'own' at 'pool'" in capsys.readouterr().out
        images = pixels(rng)
        np.testing.assert_array_equal(
            outputs(source.model, images),
            outputs(resolve_backbone(model).model, images),
        )


def test_model_files_that_cannot_be_loaded(tmp_path):
    missing = tmp_path / "missing.keras"
    with pytest.raises(FileNotFoundError, match=r"missing\.keras"):
        resolve_backbone(missing)
    damaged = tmp_path / "damaged.keras"
    damaged.write_bytes(b"not an archive")
    with pytest.raises(
        ValueError, match=r"damaged\.keras.*not a .keras archive"
    ):
        resolve_backbone(str(damaged))
    with pytest.raises(ValueError, match="Received the folder"):
        resolve_backbone(tmp_path)
    model = keras.Sequential([keras.Input((2,)), layers.Dense(2)])
    model.save(tmp_path / "cut.keras")
    whole = (tmp_path / "cut.keras").read_bytes()
    damaged.write_bytes(whole.replace(b"config.json", b"canfig.json"))
    with pytest.raises(ValueError, match=r"damaged\.keras.*cannot be read"):
        resolve_backbone(damaged)


def test_what_is_no_backbone():
    with pytest.raises(ValueError, match="Received: 3 of type int"):
        resolve_backbone(3)


def test_the_printed_cut_names_layers_of_the_model_only(capsys):
    start = keras.Input((8, 6))
    x = layers.Masking(name="masking")(start)
    x = layers.LSTM(4, return_sequences=True, name="first")(x)
    x = layers.GlobalAveragePooling1D(name="pool")(x)
    masked = keras.Model(start, layers.Dense(4, "softmax", name="top")(x))
    resolve_backbone(masked)
    assert "dropped pool, top\n" in capsys.readouterr().out
    start = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, name="one")(start)
    model = keras.Model(start, layers.Conv2D(4, 3, name="two")(x))
    resolve_backbone(model, output_layer="two")
    assert "dropped" not in capsys.readouterr().out
