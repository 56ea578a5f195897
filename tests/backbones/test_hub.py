"""KerasHub backbones as sources; skipped without keras-hub."""

import subprocess
import sys

import keras
import numpy as np
import pytest
from small_hub import (
    BACKBONES,
    STAGES,
    SWIN,
    TEXT,
    make,
    predicted,
    samples,
    sequence_of,
)

import keras_transfer as kt
from keras_transfer import graph
from keras_transfer.backbones.hub import stacks
from keras_transfer.backbones.resolving import resolve_backbone

LABELS = np.arange(6) % 3


@pytest.mark.parametrize("name", BACKBONES)
def test_blocks_freezing_and_saving(name, keras_hub, rng, tmp_path):
    backbone = make(keras_hub, name)
    # A random net on 0..255 saturates its softmax: no gradient.
    is_text = "vocabulary_size" in BACKBONES[name][1]
    scaling = "none" if is_text else keras.layers.Rescaling(1 / 255)
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
    # A copy trains; the user's own one stays.
    own = {id(weight) for weight in backbone.weights}
    assert not own & {id(weight) for weight in model.weights}

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
