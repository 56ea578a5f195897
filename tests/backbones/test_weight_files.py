"""resolve_backbone: weights from files, and from the cache of Keras."""

import keras
import numpy as np
import pytest
from keras import layers
from small_backbones import classifier, module_of, outputs, pixels

from keras_transfer.backbones.resolving import resolve_backbone
from keras_transfer.layers import ImageNetPreprocessing

pytestmark = pytest.mark.any_backend

IMAGENET_MEAN = [0.485, 0.456, 0.406]
IMAGENET_VARIANCE = [0.229**2, 0.224**2, 0.225**2]


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
    inner = resolve_backbone("MobileNet", weights=None)
    inner.model.save_weights(tmp_path / "inner.weights.h5")
    path = tmp_path / "damaged.weights.h5"
    path.write_bytes((tmp_path / "inner.weights.h5").read_bytes()[:5000])
    with pytest.raises(ValueError, match="damaged"):
        resolve_backbone("MobileNet", weights=path)
    smaller = keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(2, 3)])
    smaller = keras.Model(smaller.inputs, smaller.outputs, name="small")
    classifier().save_weights(tmp_path / "big.weights.h5")
    with pytest.raises(ValueError, match="classifier's top"):
        resolve_backbone(smaller, weights=tmp_path / "big.weights.h5")


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


def test_weights_of_a_model_of_one_s_own(tmp_path):
    first, second = classifier(), classifier()
    first.save_weights(tmp_path / "own.weights.h5")
    resolve_backbone(second, weights=tmp_path / "own.weights.h5")
    np.testing.assert_array_equal(
        first.get_weights()[0], second.get_weights()[0]
    )
