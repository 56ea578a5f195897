"""Quantized layers and LoRA: in files, in copies, and while freezing."""

import warnings

import keras
import numpy as np
import pytest
from small_heads import own_head
from small_nets import conv_net, dense_net

import keras_transfer as kt

layers = keras.layers

HEADS = {
    "a number": lambda: 3,
    "hidden units": lambda: kt.ClassificationHead(3, hidden_units=(8, 6)),
    "sigmoid": lambda: kt.ClassificationHead(3, activation="sigmoid"),
    "numbers": lambda: kt.RegressionHead(1),
    "of one's own": lambda: own_head(layers.Dense(3, activation="softmax")),
}


def quantized(model, mode="int8"):
    with warnings.catch_warnings():
        # Keras tells of each layer that has nothing to quantize.
        warnings.simplefilter("ignore")
        model.quantize(mode)
    return model


def kept(model):
    """What makes a model the same: outputs of some images, and its types."""
    x = np.random.default_rng(0).uniform(0, 1, (4, *model.input_shape[1:]))
    types = [keras.backend.standardize_dtype(v.dtype) for v in model.variables]
    return model.predict(x.astype("float32"), verbose=0), types


def assert_same(model, again):
    (expected, types), (found, others) = kept(model), kept(again)
    np.testing.assert_array_equal(found, expected)
    assert others == types


@pytest.mark.parametrize("kind", HEADS)
def test_a_quantized_model_is_saved_and_cloned(kind, tmp_path):
    model = kt.TransferModel(conv_net(4), head=HEADS[kind]())
    quantized(model)
    assert "int8" in kept(model)[1]
    model.save(tmp_path / "model.keras")
    assert_same(model, kt.load_model(tmp_path / "model.keras"))
    copy = model.clone()
    assert_same(model, copy)
    assert not {id(v) for v in model.variables} & {
        id(v) for v in copy.variables
    }


def test_logits_of_a_quantized_head_are_not_scaled():
    model = quantized(kt.TransferModel(conv_net(4), head=3))
    with pytest.raises(ValueError, match=r"quantized \(int8\).*first"):
        model.head._scale_logits(0.5)


@pytest.mark.parametrize("mode", ["int4", "float8"])
def test_other_modes_are_kept_too(mode, tmp_path):
    model = quantized(kt.TransferModel(conv_net(4), head=3), mode)
    model.save(tmp_path / "model.keras")
    assert_same(model, kt.load_model(tmp_path / "model.keras"))


def test_a_quantized_dense_backbone_is_a_source(tmp_path):
    source = quantized(dense_net(2))
    model = kt.TransferModel(source, head=3, output_layer="dense1")
    x = np.ones((2, 6), "float32")
    np.testing.assert_allclose(
        model.backbone.predict(x, verbose=0),
        source.predict(x, verbose=0),
        atol=1e-6,
    )
    model.save(tmp_path / "model.keras")
    assert_same(model, kt.load_model(tmp_path / "model.keras"))


def test_an_adapter_of_ones_own_model_is_kept(tmp_path):
    inputs = keras.Input((6,))
    adapter = kt.FeatureAdapter((4,), always=True)
    model = quantized(keras.Model(inputs, adapter(inputs)))
    model.save(tmp_path / "model.keras")
    assert_same(model, kt.load_model(tmp_path / "model.keras"))


def test_a_matcher_quantizes_its_target_alone(tmp_path):
    target = kt.TransferModel(conv_net(4), head=3)
    matcher = kt.FeatureMatcher(
        source=conv_net(6), target=target, soft_targets=False
    )
    quantized(matcher)
    assert "int8" in kept(target)[1]
    matcher.save(tmp_path / "matcher.keras")
    again = kt.load_model(tmp_path / "matcher.keras")
    assert_same(target, again.target)


def with_lora(model):
    for layer in model.layers:
        if isinstance(layer, layers.Dense):
            layer.enable_lora(2)
    return model


def trained_kernel(model, x, y):
    """How far the pre-trained kernel and the LoRA factors move."""
    dense = model.backbone.get_layer("dense1")
    names = ("kernel", "lora_kernel_b")

    def read():
        found = {v.name: v for v in dense.variables}
        return [
            np.array(keras.ops.convert_to_numpy(found[name])) for name in names
        ]

    before = read()
    model.fit(x, y, epochs=2, verbose=0)
    return [
        float(np.abs(a - b).max()) for a, b in zip(before, read(), strict=True)
    ]


@pytest.mark.parametrize("when", ["before", "after", "after a file"])
def test_unfreezing_leaves_kernels_under_lora_alone(when, tmp_path, rng):
    x, y = rng.normal(size=(24, 6)).astype("float32"), np.arange(24) % 3
    source = dense_net(2)
    if when == "before":
        source = with_lora(source)
    model = kt.TransferModel(source, head=3, output_layer="dense1")
    if when != "before":
        with_lora(model.backbone)
    if when == "after a file":
        model.save(tmp_path / "model.keras")
        model = kt.load_model(tmp_path / "model.keras")
    model.compile("auto")
    model.fit(x, y, verbose=0)
    kt.unfreeze(model)
    kernel, factor = trained_kernel(model, x, y)
    assert kernel == 0
    assert factor > 0
    kt.freeze(model)
    assert trained_kernel(model, x, y) == [0, 0]
    kt.set_trainable_depth(model, 1)
    kernel, factor = trained_kernel(model, x, y)
    assert kernel == 0
    assert factor > 0


def test_lora_inside_of_attention_is_left_alone():
    inputs = keras.Input((5, 8))
    attention = layers.MultiHeadAttention(2, 4, name="attention")
    source = keras.Model(inputs, attention(inputs, inputs))
    attention.query_dense.enable_lora(2)
    model = kt.TransferModel(
        source, head=3, output_layer="attention", share_source=True
    )
    for depth in (1, 0, 1):
        kt.set_trainable_depth(model, depth)
    trains = {v.name for v in attention.query_dense.trainable_variables}
    assert trains == {"bias", "lora_kernel_a", "lora_kernel_b"}


def test_lora_of_a_head_is_kept_in_the_file(tmp_path):
    model = kt.TransferModel(dense_net(2), head=3, output_layer="dense1")
    model.head._output.enable_lora(2)
    model.save(tmp_path / "model.keras")
    again = kt.load_model(tmp_path / "model.keras")
    assert again.head._output.lora_rank == 2
    np.testing.assert_allclose(kept(again)[0], kept(model)[0], atol=1e-6)
