"""Two stages: the head first, the best epoch kept, Ctrl-C survived."""

import types

import keras
import numpy as np
import pytest

pytest.importorskip("sklearn")

from doubles import Interrupt

import keras_transfer as kt
from keras_transfer.data.batches import ArrayBatches
from keras_transfer.recipes import two_stage


@pytest.fixture
def data(rng):
    """Pictures in three classes that a linear head tells apart in part."""
    y = np.arange(90) % 3
    x = rng.uniform(0, 120, (90, 16, 16, 3)) + 20.0 * y[:, None, None, None]
    x = x.astype("float32")
    return types.SimpleNamespace(
        train=ArrayBatches(x[:60], y[:60], batch_size=16),
        validation=ArrayBatches(x[60:], y[60:], batch_size=16, shuffle=False),
    )


@pytest.fixture
def make(tiny_cnn):
    def make(head=3, **arguments):
        return kt.TransferModel(
            tiny_cnn(), head=head, preprocessing="tf", **arguments
        )

    return make


def val_loss(model, data):
    return model.evaluate(data.validation, verbose=0, return_dict=True)["loss"]


def test_head_only_leaves_the_backbone_alone_and_reports_its_own_numbers(
    make, data
):
    model = make()
    before = model.backbone.get_weights()
    result = two_stage(model, data, epochs=0, verbose=0)
    for a, b in zip(before, model.backbone.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert [row["stage"] for row in result.stages] == ["head"]
    measured = model.evaluate(data.validation, verbose=0, return_dict=True)
    assert result.best["val_loss"] == pytest.approx(measured["loss"], rel=1e-4)
    assert result.best["val_accuracy"] == pytest.approx(measured["accuracy"])
    assert measured["loss"] < 1.0


def test_the_model_ends_with_its_best_epoch(make, data):
    model = make()
    # A rate so high that the second stage can only do harm.
    result = two_stage(
        model, data, epochs=2, blocks=5, learning_rate=3.0, verbose=0
    )
    losses = [row["val_loss"] for row in result.history]
    assert result.best["stage"] == "head"
    assert result.best["val_loss"] == min(losses)
    assert val_loss(model, data) == pytest.approx(min(losses), rel=1e-4)


def test_the_second_stage_trains_the_top_blocks_only(make, data):
    model = make()
    before = [layer.get_weights() for layer in model.backbone.layers]
    two_stage(model, data, epochs=3, blocks=2, learning_rate=1e-3, verbose=0)
    assert model.trainable_depth == 2
    moved = {
        layer.name
        for old, layer in zip(before, model.backbone.layers, strict=True)
        if any(map(np.any, map(np.not_equal, old, layer.get_weights())))
    }
    # Batch norm stands still unless it is asked for.
    assert moved == {"conv2", "conv3"}


HEADS = {
    "hidden": lambda: kt.ClassificationHead(3, hidden_units=(8,)),
    "regression": lambda: kt.RegressionHead(1, hidden_units=(8,)),
}


@pytest.mark.parametrize("kind", HEADS)
def test_heads_that_cannot_be_solved_are_trained_on_features(make, data, kind):
    model = make(HEADS[kind]())
    result = two_stage(model, data, epochs=0, head_epochs=4, verbose=0)
    assert len(result.history) == 4
    assert result.best["val_loss"] == pytest.approx(
        val_loss(model, data), rel=1e-3
    )


def test_with_augmentation_the_head_is_solved_on_the_images_as_they_are(
    make, data
):
    model = make(augmentation=keras.layers.RandomFlip("horizontal"))
    result = two_stage(model, data, epochs=0, verbose=0)
    assert all("strength" in row for row in result.history)
    assert result.best["val_loss"] == pytest.approx(
        val_loss(model, data), rel=1e-4
    )


@pytest.mark.parametrize("options", [{"epochs": 0}, {"head_epochs": 0}])
def test_a_model_with_random_weights_trains_as_a_whole(make, data, options):
    model = make(weights=None)
    before = [w.copy() for w in model.backbone.get_weights()]
    both = {"head_epochs": 2, "epochs": 2} | options
    result = two_stage(model, data, verbose=0, **both)
    assert len(result.history) == 2
    assert any(
        map(np.any, map(np.not_equal, before, model.backbone.get_weights()))
    )


def test_ctrl_c_keeps_the_best_so_far(make, data):
    model = make()
    result = two_stage(
        model,
        data,
        epochs=5,
        learning_rate=1e-4,
        callbacks=[Interrupt(1, "end")],
        verbose=0,
    )
    assert result.interrupted
    assert result.stages[-1]["stage"] == "fine-tune"
    assert val_loss(model, data) == pytest.approx(
        result.best["val_loss"], rel=1e-4
    )


def test_without_validation_data_the_training_loss_decides(make, data):
    data.validation = None
    result = two_stage(make(), data, epochs=1, verbose=0)
    assert "val_loss" not in result.best
    assert result.best["loss"] == min(row["loss"] for row in result.history)
