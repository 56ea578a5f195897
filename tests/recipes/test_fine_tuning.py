"""`fine_tune`: never below its head, and its parts."""

import keras
import numpy as np
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("scipy")

from doubles import Interrupt
from small_recipes import chosen, make, pictures

from keras_transfer.recipes import fine_tune


@pytest.fixture(scope="module")
def tuned():
    """A model that was fine-tuned, its result, and the data."""
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    train, validation = pictures(rng, 64), pictures(rng, 32)
    model = make()
    result = fine_tune(
        model,
        train,
        validation=validation,
        learning_rate=1e-3,
        epochs=3,
        verbose=0,
    )
    return model, result, validation


def test_the_model_ends_with_the_best_weights_on_validation(tuned):
    model, result, validation = tuned
    assert [s["stage"] for s in result.stages] == [
        "head", "fine-tune", "choice"
    ]  # fmt: skip
    head, end = [r for r in result.history if r["stage"] == "choice"]
    is_kept = "steps of fine-tuning" in chosen(result)["weights"]
    assert result.best == (end if is_kept else head)
    model.compile("auto")
    logs = model.evaluate(*validation, verbose=0, return_dict=True)
    assert logs["loss"] == pytest.approx(
        result.best["val_loss"], rel=1e-3, abs=1e-5
    )
    assert logs["accuracy"] == pytest.approx(result.best["val_accuracy"])


def test_fine_tuning_that_only_harms_is_undone(data):
    train, validation = data
    model = make()
    features = model.backbone.get_weights()
    result = fine_tune(
        model, train, validation=validation, learning_rate=30.0, epochs=2,
        blocks=3,
        interpolate=False, verbose=0,
    )  # fmt: skip
    # A loss that is not a number is not even compared.
    assert result.best.get("share", 0) == 0
    assert chosen(result)["weights"] == "those of the head alone"
    for before, after in zip(
        features, model.backbone.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(before, after)
    head = [r for r in result.history if r["stage"] == "head"]
    assert result.best["val_accuracy"] >= max(
        r["val_accuracy"]
        for r in head
        if r["val_loss"] == min(h["val_loss"] for h in head)
    )


def test_a_time_limit_keeps_the_head(data):
    train, validation = data
    model = make()
    result = fine_tune(
        model, train, validation=validation, max_minutes=1e-9, verbose=0
    )
    assert chosen(result)["fine-tuning"] == "left out"
    model.compile("auto")
    logs = model.evaluate(*validation, verbose=0, return_dict=True)
    assert logs["loss"] == pytest.approx(
        result.best["val_loss"], rel=1e-3, abs=1e-5
    )


@pytest.mark.slow
def test_ctrl_c_keeps_the_best_so_far(data):
    model = make()
    train, validation = data
    result = fine_tune(
        model,
        train,
        validation=validation,
        callbacks=[Interrupt(0, "end")],
        verbose=0,
    )
    assert result.interrupted
    model.compile("auto")
    logs = model.evaluate(*validation, verbose=0, return_dict=True)
    assert logs["loss"] == pytest.approx(
        result.best["val_loss"], rel=1e-3, abs=1e-5
    )


@pytest.mark.slow
def test_the_model_is_compiled_as_before(data):
    model = make()
    model.compile(
        keras.optimizers.SGD(0.25), "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )  # fmt: skip
    fine_tune(model, data[0], validation=data[1], epochs=1, verbose=0)
    assert isinstance(model.optimizer, keras.optimizers.SGD)
    assert float(model.optimizer.learning_rate) == 0.25
    logs = model.fit(*data[0], epochs=1, verbose=0).history
    assert set(logs) == {"accuracy", "loss"}


@pytest.mark.slow
def test_parts_that_are_off_by_default_can_be_asked_for(data):
    train, validation = data
    result = fine_tune(
        make(), train, validation=validation, epochs=2, blocks=2,
        layer_decay=0.5, gradual=True, l2sp=0.1, interpolate=False,
        verbose=0,
    )  # fmt: skip
    tuned = [r for r in result.history if r["stage"] == "fine-tune"]
    assert [r["trainable_blocks"] for r in tuned] == [1, 2]
    assert tuned[1]["l2sp"] > tuned[0]["l2sp"] >= 0
    shares = [r["share"] for r in result.history if r["stage"] == "choice"]
    assert shares[:2] == [0.0, 1.0]


@pytest.mark.slow
def test_augmentation_in_views(data):
    train, validation = data
    model = make(augmentation=keras.layers.RandomFlip("horizontal"))
    for views in (None, 2):
        result = fine_tune(
            model,
            train,
            validation=validation,
            epochs=2,
            views=views,
            verbose=0,
        )
        # With few labels the default draws anew.
        assert chosen(result)["augmented views"] == (views or 0)


@pytest.mark.slow
def test_random_weights_train_as_a_whole(data):
    train, validation = data
    model = make(weights=None)
    result = fine_tune(model, train, validation=validation, epochs=2, verbose=0)
    assert [s["stage"] for s in result.stages] == ["all blocks"]
    assert model.trainable_depth == len(model.blocks)
    model.compile("auto")
    logs = model.evaluate(*validation, verbose=0, return_dict=True)
    assert logs["loss"] == pytest.approx(
        result.best["val_loss"], rel=1e-3, abs=1e-5
    )


def test_plot(tuned, tmp_path):
    _, result, _ = tuned
    figure = result.plot(tmp_path / "curves.png")
    assert len(figure.axes) == 2
    assert (tmp_path / "curves.png").stat().st_size > 1000
