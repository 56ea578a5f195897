"""KerasHub presets as sources; most are skipped without keras-hub."""

import builtins
import json
import sys
import time
import urllib.error

import numpy as np
import pytest
from small_hub import (
    STAGES,
    make,
    predicted,
    samples,
    sequence_of,
)

import keras_transfer as kt
from keras_transfer.backbones.hub import presets
from keras_transfer.backbones.resolving import resolve_backbone

SCALE, OFFSET = [0.1, 0.2, 0.3], [-1.0, 0.0, 2.0]


@pytest.fixture
def image_preset(keras_hub, tmp_path):
    backbone = keras_hub.models.ResNetBackbone(**STAGES)
    folder = tmp_path / "resnet_preset"
    backbone.save_to_preset(str(folder))
    keras_hub.layers.ResNetImageConverter(
        image_size=(16, 16), scale=SCALE, offset=OFFSET
    ).save_to_preset(str(folder))
    return backbone, folder


def test_an_image_preset_brings_its_scaling_and_size(image_preset, rng):
    backbone, folder = image_preset
    model = kt.TransferModel(f"hub:{folder}", head=3)
    assert model.input_shape == (None, 16, 16, 3)
    assert model.expects_pixels
    assert model.trainable_depth == 0
    x = samples(backbone, rng)
    features = backbone(x * np.float32(SCALE) + np.float32(OFFSET))
    np.testing.assert_allclose(
        predicted(model, x), predicted(model.head, features), atol=1e-5
    )


def test_scaling_for_grey_images(image_preset):
    _, folder = image_preset
    source = resolve_backbone(f"hub:{folder}", input_shape=(16, 16, 1))
    found = source.preprocessing(np.full((1, 16, 16, 1), 10.0, "float32"))
    np.testing.assert_allclose(found, 10 * 0.2 + 1 / 3, rtol=1e-6)


def test_untrained_and_other_weights(image_preset, tmp_path):
    backbone, folder = image_preset
    kernel = backbone.get_weights()[0]
    fresh = resolve_backbone(f"hub:{folder}", weights=None)
    assert not fresh.pretrained
    assert np.any(kernel != fresh.model.get_weights()[0])
    path = tmp_path / "own.weights.h5"
    backbone.save_weights(path)
    filled = resolve_backbone(f"hub:{folder}", weights=path)
    np.testing.assert_array_equal(filled.model.get_weights()[0], kernel)


def test_a_text_preset(keras_hub, rng, tmp_path):
    backbone = make(keras_hub, "distilbert")
    backbone.save_to_preset(str(tmp_path / "text"))
    model = kt.TransferModel(f"hub:{tmp_path / 'text'}", head=3)
    assert set(model.input) == {"token_ids", "padding_mask"}
    x = samples(backbone, rng)
    real = sequence_of(backbone, x)[:, :6].mean(axis=1)
    np.testing.assert_allclose(
        predicted(model, x), predicted(model.head, real), atol=1e-6
    )


def test_folders_that_are_no_preset(keras_hub, image_preset, tmp_path):
    with pytest.raises(ValueError, match=r"no KerasHub preset.*config\.json"):
        resolve_backbone(f"hub:{tmp_path}")
    with pytest.raises(ValueError, match="no folder '/nowhere/at_all'"):
        resolve_backbone("hub:/nowhere/at_all")
    _, folder = image_preset
    (folder / "model.weights.h5").write_bytes(b"damaged")
    with pytest.raises(ValueError, match="resnet_preset' cannot be read"):
        resolve_backbone(f"hub:{folder}")
    (folder / "config.json").write_text(json.dumps({"class_name": "Nothing"}))
    with pytest.raises(ValueError, match="resnet_preset' cannot be read"):
        resolve_backbone(f"hub:{folder}")


def test_an_unknown_name_names_the_nearest(keras_hub):
    with pytest.raises(ValueError, match="'bert_base_en'"):
        resolve_backbone("hub:bert_base_enn")


def test_an_unreachable_preset(keras_hub, monkeypatch):
    def refused(*args, **kwargs):
        raise ConnectionError("no network")

    monkeypatch.setattr(keras_hub.models.Backbone, "from_preset", refused)
    with pytest.raises(FileNotFoundError) as caught:
        kt.TransferModel("hub:bert_base_en", head=3)
    for part in ("'bert_base_en'", "no network", "save_to_preset", "hub:/path"):
        assert part in str(caught.value)


def test_hugging_face_is_not_asked_again_and_again(keras_hub, monkeypatch):
    def lost(*args, **kwargs):
        raise urllib.error.URLError(ConnectionRefusedError("refused"))

    monkeypatch.setattr(presets.urllib.request, "urlopen", lost)
    start = time.monotonic()
    with pytest.raises(FileNotFoundError, match="refused"):
        resolve_backbone("hub:hf://nobody/no_such_model")
    assert time.monotonic() - start < 3


def test_hugging_face_without_a_network_takes_what_is_cached(
    keras_hub, image_preset, monkeypatch
):
    import huggingface_hub

    _, folder = image_preset
    monkeypatch.setattr(presets, "_connection_error", lambda *_: "lost")
    monkeypatch.setattr(
        huggingface_hub,
        "try_to_load_from_cache",
        lambda repository, name: str(folder / name),
    )
    source = resolve_backbone("hub:hf://somebody/resnet")
    assert source.input_shape == (16, 16, 3)


def test_a_server_that_answers_is_reachable(monkeypatch):
    def answer(code):
        def urlopen(*args, **kwargs):
            raise urllib.error.HTTPError("", code, "", {}, None)

        return urlopen

    monkeypatch.setattr(presets.urllib.request, "urlopen", answer(403))
    assert presets._connection_error("https://example.org") is None


def test_a_missing_extra_names_the_pip_line(monkeypatch):
    original = builtins.__import__

    def without_hub(name, *args, **kwargs):
        if name == "keras_hub":
            raise ImportError("No module named 'keras_hub'")
        return original(name, *args, **kwargs)

    monkeypatch.delitem(sys.modules, "keras_hub", raising=False)
    monkeypatch.setattr(builtins, "__import__", without_hub)
    with pytest.raises(
        ImportError, match=r"pip install 'keras-transfer\[hub]'"
    ):
        kt.TransferModel("hub:bert_base_en", head=3)
