"""KerasHub backbones and presets as sources; skipped without keras-hub."""

import builtins
import json
import subprocess
import sys
import time
import urllib.error

import keras
import numpy as np
import pytest

import keras_transfer as kt
from keras_transfer import graph
from keras_transfer.backbones.hub import presets, stacks
from keras_transfer.backbones.resolving import resolve_backbone


@pytest.fixture
def keras_hub():
    return pytest.importorskip(
        "keras_hub", reason="keras-hub is not installed (the extra `hub`)"
    )


TEXT = {
    "vocabulary_size": 30,
    "num_layers": 2,
    "num_heads": 2,
    "hidden_dim": 8,
    "intermediate_dim": 16,
    "max_sequence_length": 12,
}
STAGES = {
    "input_conv_filters": [64],
    "input_conv_kernel_sizes": [3],
    "stackwise_num_filters": [64],
    "stackwise_num_blocks": [2],
    "stackwise_num_strides": [1],
    "block_type": "basic_block",
    "use_pre_activation": False,
}
VIT = {
    "image_shape": (16, 16, 3),
    "patch_size": (4, 4),
    "num_layers": 2,
    "num_heads": 2,
    "hidden_dim": 8,
    "mlp_dim": 16,
}
DINO = {
    "image_shape": (16, 16, 3),
    "patch_size": 4,
    "num_layers": 2,
    "num_heads": 2,
    "hidden_dim": 8,
    "intermediate_dim": 16,
}
SWIN = {
    "image_shape": (16, 16, 3),
    "patch_size": 2,
    "embed_dim": 4,
    "depths": [2, 2],
    "num_heads": [1, 2],
    "window_size": 4,
}
# Class, arguments, and the names of the blocks.
BACKBONES = {
    "resnet": (
        "ResNetBackbone",
        STAGES | {"image_shape": (16, 16, 3)},
        ["conv1", "stack0_block0", "stack0_block1"],
    ),
    "vit": (
        "ViTBackbone",
        VIT,
        ["embedding_0", "transformer_block_1", "transformer_block_2"],
    ),
    "dino": ("DINOV2Backbone", DINO, ["embeddings", "layers_0", "layers_1"]),
    "bert": (
        "BertBackbone",
        TEXT,
        ["token_embedding", "transformer_layer_0", "transformer_layer_1"],
    ),
    "distilbert": (
        "DistilBertBackbone",
        TEXT,
        ["embeddings_layer_norm", "transformer_layer_0", "transformer_layer_1"],
    ),
    "roberta": (
        "RobertaBackbone",
        TEXT,
        ["embeddings", "transformer_layer_0", "transformer_layer_1"],
    ),
}


def make(keras_hub, name):
    class_name, arguments, _ = BACKBONES[name]
    return getattr(keras_hub.models, class_name)(**arguments)


def samples(backbone, rng):
    """Six samples; of the ten tokens of each, the last four are padding."""
    names = set(backbone.input) if isinstance(backbone.input, dict) else set()
    if "token_ids" not in names:
        return rng.integers(0, 256, (6, 16, 16, 3)).astype("float32")
    ids = rng.integers(1, 30, (6, 10))
    real = np.ones((6, 10), "int32")
    real[:, 6:] = 0
    x = {"token_ids": ids, "padding_mask": real, "segment_ids": 0 * ids}
    return {name: x[name] for name in names}


def predicted(model, x):
    return keras.ops.convert_to_numpy(model(x, training=False))


def sequence_of(backbone, x):
    outputs = backbone(x)
    if isinstance(outputs, dict):
        outputs = outputs["sequence_output"]
    return keras.ops.convert_to_numpy(outputs)


LABELS = np.arange(6) % 3


@pytest.mark.parametrize("name", BACKBONES)
def test_blocks_freezing_and_saving(name, keras_hub, rng, tmp_path):
    backbone = make(keras_hub, name)
    # A random net on 0..255 saturates its softmax: no gradient.
    scaling = keras.layers.Rescaling(1 / 255)
    model = kt.TransferModel(backbone, head=3, preprocessing=scaling)
    assert [block.name for block in model.blocks] == BACKBONES[name][2]
    x = samples(backbone, rng)
    before = [block_weights(block) for block in model.blocks]
    model.compile("auto")
    kt.set_trainable_depth(model, 1)
    model.fit(x, LABELS, epochs=1, verbose=0)
    moved = [
        any(map(np.any, map(np.not_equal, old, block_weights(block))))
        for old, block in zip(before, model.blocks, strict=True)
    ]
    assert moved == [False, False, True]
    # The layers are the backbone's own.
    top = model.blocks[-1].layers[-1]
    assert {id(w) for w in top.weights} <= {id(w) for w in backbone.weights}

    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.trainable_depth == 1
    expected = predicted(model, x)
    np.testing.assert_array_equal(predicted(loaded, x), expected)
    np.testing.assert_array_equal(predicted(model.clone(), x), expected)


def block_weights(block):
    return [
        keras.ops.convert_to_numpy(weight)
        for layer in block.layers
        for weight in layer.weights
    ]


@pytest.mark.parametrize("name", ["vit", "bert"])
def test_split_at_every_block(name, keras_hub, rng):
    model = kt.TransferModel(make(keras_hub, name), head=3)
    x = samples(model, rng)
    expected = predicted(model.backbone, x)
    for index in range(2):
        prefix, suffix = graph.split(model.backbone, index)
        np.testing.assert_array_equal(predicted(suffix, prefix(x)), expected)


@pytest.mark.parametrize("name", ["bert", "distilbert"])
def test_the_head_pools_over_real_tokens(name, keras_hub, rng):
    backbone = make(keras_hub, name)
    model = kt.TransferModel(backbone, head=3)
    x = samples(backbone, rng)
    sequence = sequence_of(backbone, x)
    real, all_tokens = sequence[:, :6].mean(axis=1), sequence.mean(axis=1)
    found = predicted(model, x)
    np.testing.assert_allclose(found, predicted(model.head, real), atol=1e-6)
    assert np.abs(found - predicted(model.head, all_tokens)).max() > 1e-3
    other = {**x, "token_ids": x["token_ids"].copy()}
    other["token_ids"][:, 6:] = 7
    np.testing.assert_allclose(predicted(model, other), found, atol=1e-6)


def test_the_unused_pooler_is_left_out(keras_hub):
    backbone = make(keras_hub, "bert")
    names = [layer.name for layer in backbone.layers]
    assert "pooled_dense" in names
    model = kt.TransferModel(backbone, head=3, weights=None)
    assert model.trainable_depth == 3
    paths = [weight.path for weight in model.trainable_weights]
    assert paths and not any("pooled_dense" in path for path in paths)


def test_an_output_layer_inside_keeps_the_mask(keras_hub, rng, tmp_path):
    backbone = make(keras_hub, "bert")
    model = kt.TransferModel(
        backbone, head=3, output_layer="transformer_layer_0"
    )
    assert len(model.blocks) == 2
    x = samples(backbone, rng)
    tapped = keras.Model(
        backbone.input, backbone.get_layer("transformer_layer_0").output
    )
    real = keras.ops.convert_to_numpy(tapped(x))[:, :6].mean(axis=1)
    expected = predicted(model.head, real)
    np.testing.assert_allclose(predicted(model, x), expected, atol=1e-6)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(predicted(loaded, x), expected, atol=1e-6)


def test_several_outputs_without_a_sequence(keras_hub):
    with pytest.raises(ValueError, match="decoder_sequence_output"):
        resolve_backbone(keras_hub.models.BartBackbone(**TEXT))


def test_stages_with_parts_of_one_name_are_taken_apart(keras_hub, rng, capsys):
    backbone = keras_hub.models.SwinTransformerBackbone(**SWIN)
    names = [layer.name for layer in backbone._flatten_layers()]
    source = resolve_backbone(backbone)
    assert len(graph.blocks(source.model)) == 6
    assert "cannot be taken apart" not in capsys.readouterr().out
    x = samples(backbone, rng)
    np.testing.assert_array_equal(
        predicted(source.model, x), predicted(backbone, x)
    )
    assert [layer.name for layer in backbone._flatten_layers()] == names


class OpaqueStack(keras.layers.Layer):
    """Its call needs values, so it cannot be drawn symbolically."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.parts = [
            keras.layers.Bidirectional(
                keras.layers.LSTM(2, return_sequences=True)
            )
            for _ in range(2)
        ]

    def build(self, input_shape):
        for part in self.parts:
            part.build(input_shape)
            input_shape = part.compute_output_shape(input_shape)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], 4)

    def call(self, inputs):
        if isinstance(inputs, keras.KerasTensor):
            raise ValueError("needs values")
        for part in self.parts:
            inputs = part(inputs)
        return inputs


def test_a_stack_that_cannot_be_drawn_is_one_block(capsys):
    inputs = keras.Input((5, 3))
    model = keras.Model(inputs, OpaqueStack(name="opaque")(inputs))
    assert stacks.unrolled(model) is model
    assert "'opaque' (OpaqueStack)" in capsys.readouterr().out
    assert len(graph.blocks(model)) == 1


# Images: shapes and scaling.


def test_an_instance_is_not_scaled_and_says_so(keras_hub, rng, capsys):
    backbone = make(keras_hub, "resnet")
    source = resolve_backbone(backbone)
    assert source.model is backbone
    assert source.preprocessing == "none"
    assert "without an image converter" in capsys.readouterr().out


def test_another_size_and_another_number_of_channels(keras_hub, rng):
    backbone = keras_hub.models.ResNetBackbone(**STAGES)
    model = resolve_backbone(backbone, input_shape=(16, 16, 3)).model
    assert model.input_shape == (None, 16, 16, 3)
    x = samples(model, rng)
    np.testing.assert_array_equal(predicted(model, x), predicted(backbone, x))
    grey = resolve_backbone(backbone, input_shape=(16, 16, 1)).model
    np.testing.assert_allclose(
        predicted(grey, x[..., :1]),
        predicted(backbone, x[..., [0, 0, 0]]),
        rtol=1e-4,
        atol=1e-4,
    )
    with pytest.raises(ValueError, match=r"position_embedding.*on the size"):
        resolve_backbone(make(keras_hub, "vit"), input_shape=(32, 32, 3))


def test_a_task_gives_its_backbone_and_converter(keras_hub):
    models = keras_hub.models
    converter = keras_hub.layers.ResNetImageConverter(scale=0.5)
    task = models.ImageClassifier(
        backbone=make(keras_hub, "resnet"),
        num_classes=7,
        preprocessor=models.ResNetImageClassifierPreprocessor(converter),
    )
    source = resolve_backbone(task)
    assert source.model is task.backbone
    np.testing.assert_allclose(source.preprocessing(np.full((1, 4), 3.0)), 1.5)


# Presets.

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


# Saving and export.


@pytest.mark.parametrize("name, dtype", [("vit", "uint8"), ("bert", "int32")])
def test_export(name, dtype, keras_hub, rng, tmp_path):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("export runs in a TensorFlow process")
    import tensorflow as tf

    backbone = make(keras_hub, name)
    model = kt.TransferModel(backbone, head=3)
    kt.export_saved_model(model, tmp_path / name, list("abc"))
    served = tf.saved_model.load(tmp_path / name)
    x = samples(backbone, rng)
    raw = keras.tree.map_structure(lambda array: array.astype(dtype), x)
    np.testing.assert_allclose(
        served.serve(raw)["scores"], predicted(model, x), atol=1e-6
    )


@pytest.mark.slow
def test_a_saved_model_loads_in_a_new_process(keras_hub, rng, tmp_path):
    model = kt.TransferModel(make(keras_hub, "vit"), head=3)
    x = samples(model, rng)
    model.save(tmp_path / "model.keras")
    np.save(tmp_path / "x.npy", x)
    script = (
        "import numpy, keras, keras_transfer\n"
        "model = keras.saving.load_model('model.keras')\n"
        "numpy.save('y.npy', model.predict(numpy.load('x.npy'), verbose=0))\n"
    )
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True)
    np.testing.assert_allclose(
        np.load(tmp_path / "y.npy"), predicted(model, x), atol=1e-6
    )
