"""Frozen stands still to the last bit, the rest moves, nothing is lost."""

import keras
import numpy as np
import pytest

import keras_transfer as kt
from keras_transfer.training import freezing


@pytest.fixture
def model(tiny_cnn):
    model = kt.TransferModel(tiny_cnn(), head=3, preprocessing="tf")
    model.compile(
        keras.optimizers.Adam(1e-2), "sparse_categorical_crossentropy"
    )
    return model


def values(layers):
    return [
        keras.ops.convert_to_numpy(v).copy()
        for layer in layers
        for v in layer.variables
        if "seed" not in v.path
    ]


def block_values(model):
    return [values(block.layers) for block in model.blocks]


def same(before, after):
    return all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


def all_moved(before, after):
    return all(np.any(a != b) for a, b in zip(before, after, strict=True))


def momentums(model):
    optimizer = model.optimizer
    return {
        v.path: np.array(optimizer._momentums[optimizer._get_variable_index(v)])
        for v in freezing.trainable_candidates(model)
    }


def test_a_pretrained_model_starts_frozen_an_untrained_one_does_not(tiny_cnn):
    assert (
        kt.TransferModel(tiny_cnn(), head=3, preprocessing="tf").trainable_depth
        == 0
    )
    fresh = kt.TransferModel(tiny_cnn(), head=3, weights=None)
    assert fresh.trainable_depth == len(fresh.blocks) == 5
    assert fresh.backbone.get_layer("norm0").trainable


@pytest.mark.parametrize("depth", [0, 1, 3, 5])
def test_frozen_blocks_stand_still_and_the_others_move(model, pictures, depth):
    names = kt.set_trainable_depth(model, depth, train_batch_norm=True)
    before, head = block_values(model), values([model.head])
    model.fit(*pictures, epochs=2, batch_size=8, verbose=0)
    after = block_values(model)
    frozen = len(model.blocks) - depth
    assert names == [block.name for block in model.blocks[frozen:]]
    assert all(map(same, before[:frozen], after[:frozen]))
    assert all(map(all_moved, before[frozen:], after[frozen:]))
    assert all_moved(head, values([model.head]))


def test_batch_norm_of_an_unfrozen_block_stands_still_unless_asked(
    model, pictures
):
    kt.unfreeze(model)
    norm = model.backbone.get_layer("norm3")
    conv = model.backbone.get_layer("conv3")
    before = values([norm]), values([conv])
    model.fit(*pictures, batch_size=8, verbose=0)
    assert same(before[0], values([norm]))
    assert all_moved(before[1], values([conv]))
    kt.set_trainable_depth(model, 5, train_batch_norm=True)
    model.fit(*pictures, batch_size=8, verbose=0)
    assert all_moved(before[0], values([norm]))


def test_depth_changes_between_fits_without_compiling_or_losing_slots(
    model, pictures
):
    kt.set_trainable_depth(model, 2)
    model.fit(*pictures, batch_size=8, verbose=0)
    optimizer, slots = model.optimizer, momentums(model)
    kt.set_trainable_depth(model, 4)
    assert model.optimizer is optimizer
    for path, slot in momentums(model).items():
        np.testing.assert_array_equal(slot, slots[path])
    before = block_values(model)
    model.fit(*pictures, batch_size=8, verbose=0)
    after = block_values(model)
    assert int(optimizer.iterations) == 6
    assert same(before[0], after[0])
    moved = [v for v in model.blocks[1].layers if v.trainable_variables]
    assert moved and not same(before[1], after[1])


def test_going_on_equals_one_run_with_the_same_flags(tiny_cnn, pictures):
    """Refreshing between two fits changes no number."""

    def trained(refresh):
        keras.utils.set_random_seed(1)
        model = kt.TransferModel(tiny_cnn(), head=3, preprocessing="tf")
        kt.set_trainable_depth(model, 2)
        model.compile("adam", "sparse_categorical_crossentropy")
        if refresh:
            model.fit(*pictures, batch_size=8, epochs=1, verbose=0)
            kt.set_trainable_depth(model, 4)
            kt.set_trainable_depth(model, 2)
        model.fit(
            *pictures,
            batch_size=8,
            epochs=2,
            initial_epoch=int(refresh),
            verbose=0,
        )
        return model.get_weights()

    assert same(trained(refresh=False), trained(refresh=True))


def test_a_plain_model_compiled_while_frozen_can_unfreeze(pictures, tiny_cnn):
    backbone = tiny_cnn()
    x = keras.layers.GlobalAveragePooling2D()(backbone.output)
    outputs = keras.layers.Dense(3, activation="softmax")(x)
    model = keras.Model(backbone.input, outputs)
    kt.freeze(model)
    model.compile(
        keras.optimizers.Adam(1e-2, weight_decay=0.01),
        "sparse_categorical_crossentropy",
    )
    before = values(backbone.layers)
    model.fit(*pictures, batch_size=8, verbose=0)
    assert same(before, values(backbone.layers))
    kernel = model.layers[-1].kernel
    index = model.optimizer._get_variable_index(kernel)
    slot = np.array(model.optimizer._momentums[index])
    kt.set_trainable_depth(model, 1)
    index = model.optimizer._get_variable_index(kernel)
    np.testing.assert_array_equal(model.optimizer._momentums[index], slot)
    assert int(model.optimizer.iterations) == 3
    assert model.optimizer.weight_decay == 0.01
    model.fit(*pictures, batch_size=8, verbose=0)
    assert same(before[:-5], values(backbone.layers)[:-5])
    assert not same(before, values(backbone.layers))


@pytest.mark.parametrize("with_top", [False, True])
def test_batch_norm_of_a_plain_model_stands_still_unless_asked(
    tiny_cnn, with_top
):
    model = tiny_cnn()
    if with_top:
        x = keras.layers.GlobalAveragePooling2D()(model.output)
        model = keras.Model(model.input, keras.layers.Dense(3)(x))
    kt.set_trainable_depth(model, 2)
    assert model.get_layer("conv3").trainable
    assert not model.get_layer("norm3").trainable
    kt.set_trainable_depth(model, 2, train_batch_norm=True)
    assert model.get_layer("norm3").trainable
    assert not model.get_layer("norm1").trainable


def test_a_backbone_frozen_by_hand_beforehand_can_unfreeze(tiny_cnn, pictures):
    backbone = tiny_cnn()
    backbone.trainable = False
    model = kt.TransferModel(backbone, head=3)
    assert kt.set_trainable_depth(model, 1) == [model.blocks[-1].name]
    assert model.backbone.get_layer("conv3").trainable
    assert not model.backbone.get_layer("conv2").trainable


@pytest.mark.parametrize("depth", [-1, 6, 1.5, "2", None, True])
def test_a_depth_that_does_not_exist_is_an_error(model, depth):
    with pytest.raises(ValueError, match=r"from 0 .* to 5"):
        kt.set_trainable_depth(model, depth)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_trains_a_changing_part(pictures, tiny_cnn, policy):
    if keras.backend.backend() == "torch" and policy == "mixed_float16":
        pytest.skip("half-precision convolutions are not built on torch's CPU")
    keras.config.set_dtype_policy(policy)
    try:
        model = kt.TransferModel(tiny_cnn(), head=3, preprocessing="tf")
    finally:
        keras.config.set_dtype_policy("float32")
    model.compile("adam", "sparse_categorical_crossentropy")
    before = block_values(model)
    model.fit(*pictures, batch_size=8, verbose=0)
    kt.set_trainable_depth(model, 2)
    model.fit(*pictures, batch_size=8, verbose=0)
    after = block_values(model)
    assert all(map(same, before[:3], after[:3]))
    assert not same(before[4], after[4])
    assert model.predict(pictures[0], verbose=0).dtype == np.float32


def test_multi_optimizer_is_refused_with_the_way_out(tiny_cnn):
    if not hasattr(keras.optimizers, "MultiOptimizer"):
        pytest.skip("this Keras has no MultiOptimizer")
    model = kt.TransferModel(tiny_cnn(), head=3, preprocessing="tf")
    optimizer = keras.optimizers.MultiOptimizer(
        keras.optimizers.OptimizerMap(
            keras.optimizers.Adam(), {"head": keras.optimizers.SGD()}
        )
    )
    with pytest.raises(ValueError, match=r"use kt\.LayerwiseOptimizer"):
        model.compile(optimizer, "sparse_categorical_crossentropy")
