"""A `TransferModel` in files and clones gives everything back."""

import json

import keras
import numpy as np
import pytest
from small_nets import values

import keras_transfer as kt


def equal(first, second):
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.fixture
def model(tiny_cnn):
    return kt.TransferModel(tiny_cnn(), head=3, preprocessing="tf")


def test_the_keras_file_gives_everything_back(model, pictures, tmp_path):
    model.class_names = ["a", "b", "c"]
    kt.set_trainable_depth(model, 2)
    model.compile(
        keras.optimizers.Adam(1e-2), "sparse_categorical_crossentropy"
    )
    model.fit(*pictures, batch_size=8, epochs=2, verbose=0)
    model.save(tmp_path / "m.keras")
    again = kt.load_model(tmp_path / "m.keras")
    assert type(again) is kt.TransferModel
    assert equal(values(model.variables), values(again.variables))
    assert again.class_names == ["a", "b", "c"]
    assert again.trainable_depth == 2
    assert kt.trainable_blocks(again) == kt.trainable_blocks(model)
    assert equal(
        values(model.optimizer.variables), values(again.optimizer.variables)
    )
    np.testing.assert_array_equal(
        model.predict(pictures[0], verbose=0),
        again.predict(pictures[0], verbose=0),
    )


def test_a_reloaded_model_goes_on_as_if_nothing_had_happened(
    model, pictures, tmp_path
):
    kt.set_trainable_depth(model, 2)
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(*pictures, batch_size=8, verbose=0)
    model.save(tmp_path / "m.keras")
    again = kt.load_model(tmp_path / "m.keras")
    for each in (model, again):
        kt.set_trainable_depth(each, 4)
        each.fit(*pictures, batch_size=8, epochs=2, initial_epoch=1, verbose=0)
    for a, b in zip(
        values(model.variables), values(again.variables), strict=True
    ):
        np.testing.assert_allclose(a, b, atol=1e-6)


@pytest.mark.parametrize("word", ["light", "strong"])
def test_augmentation_by_a_word_comes_back(word, tiny_cnn, tmp_path):
    model = kt.TransferModel(tiny_cnn(), head=3, augmentation=word)
    model.save(tmp_path / "m.keras")
    again = kt.load_model(tmp_path / "m.keras")
    saved, read = (m.augmentation.layer.layers for m in (model, again))
    assert [type(layer) for layer in saved] == [type(layer) for layer in read]
    # A file has lists where a config has tuples.
    configs = [json.dumps(layers[-1].get_config()) for layers in (saved, read)]
    assert configs[0] == configs[1]


def test_a_training_with_augmentation_is_seeded(tiny_cnn, pictures):
    def trained(seed):
        keras.utils.set_random_seed(seed)
        model = kt.TransferModel(
            tiny_cnn(), head=3, preprocessing="tf", augmentation="light"
        )
        model.compile("adam", "sparse_categorical_crossentropy")
        model.fit(*pictures, batch_size=8, verbose=0)
        return values(model.head.trainable_variables)

    first = trained(1)
    assert equal(first, trained(1))
    assert not equal(first, trained(2))


def test_flags_set_by_hand_survive(model, tmp_path):
    model.backbone.get_layer("conv1").trainable = True
    model.save(tmp_path / "m.keras")
    again = kt.load_model(tmp_path / "m.keras")
    assert again.backbone.get_layer("conv1").trainable
    assert not again.backbone.get_layer("conv2").trainable


def test_config_and_clone_give_an_equal_architecture(model, pictures):
    again = kt.TransferModel.from_config(model.get_config())
    again.set_weights(model.get_weights())
    by_keras = keras.models.clone_model(model)
    by_keras.set_weights(model.get_weights())
    expected = model.predict(pictures[0], verbose=0)
    for each in (again, model.clone(), by_keras):
        np.testing.assert_array_equal(
            each.predict(pictures[0], verbose=0), expected
        )


def test_a_clone_shares_nothing(model, pictures):
    model.class_names = ["a", "b", "c"]
    kt.set_trainable_depth(model, 2)
    clone = model.clone()
    assert type(clone) is kt.TransferModel
    assert (clone.trainable_depth, clone.class_names) == (2, ["a", "b", "c"])
    before = values(model.variables)
    clone.compile("adam", "sparse_categorical_crossentropy")
    clone.fit(*pictures, verbose=0)
    assert equal(before, values(model.variables))
    assert not equal(before, values(clone.variables))


def test_two_models_on_one_architecture_do_not_mix(tiny_cnn, pictures):
    first, second = (kt.TransferModel(tiny_cnn(), head=3) for _ in range(2))
    assert [b.name for b in first.blocks] == [b.name for b in second.blocks]
    kt.set_trainable_depth(first, 5)
    assert second.trainable_depth == 0
    assert kt.trainable_blocks(second) == []
    before = values(second.variables)
    first.compile("adam", "sparse_categorical_crossentropy")
    first.fit(*pictures, verbose=0)
    assert equal(before, values(second.variables))


def test_a_transfer_model_gives_its_backbone_on(tiny_cnn):
    first = kt.TransferModel(tiny_cnn(), head=3, preprocessing="tf")
    second = kt.TransferModel(first, head=7, share_source=True)
    assert second.backbone is first.backbone
    third = kt.TransferModel(first, head=7)
    assert third.backbone is not first.backbone
    assert second.output_shape == (None, 7)
    assert second.preprocessing.mode == "tf"
