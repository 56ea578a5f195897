"""`fine_tune`: every kind of head, solved or trained."""

import keras
import numpy as np
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("scipy")

from cases import some_slow
from small_recipes import chosen, make, pictures

import keras_transfer as kt
from keras_transfer import feature_cache
from keras_transfer.recipes import fine_tune
from keras_transfer.transferability import linear_probe

HEADS = {
    "softmax": (lambda: 3, None, "solved"),
    "one-hot": (lambda: 3, "categorical_crossentropy", "solved"),
    "sigmoid": (
        lambda: kt.ClassificationHead(3, activation="sigmoid"), None, "solved",
    ),
    "linear": (lambda: kt.RegressionHead(2), None, "solved"),
    "hidden": (
        lambda: kt.ClassificationHead(3, hidden_units=(8,), dropout=0.1),
        None,
        "trained",
    ),
    "another loss": (lambda: kt.RegressionHead(2), "huber", "trained"),
    "a layer of Keras": (
        lambda: keras.Sequential([
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(3, activation="softmax"),
        ]),
        "sparse_categorical_crossentropy",
        "trained",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", some_slow(HEADS, ("softmax", "hidden")))
def test_every_head(kind, data, monkeypatch):
    monkeypatch.setattr("keras_transfer.recipes.defaults.HEAD_EPOCHS", 2)
    head, loss, how = HEADS[kind]
    model = make(head())
    if loss:
        model.compile("adam", loss)
    (x, y), (vx, vy) = data
    if kind in ("one-hot", "sigmoid"):
        y, vy = np.eye(3)[y], np.eye(3)[vy]
    elif kind in ("linear", "another loss"):
        y, vy = (np.stack([t, 3.0 - t], -1) for t in (y, vy))
    before = model.predict(vx, verbose=0)
    result = fine_tune(model, (x, y), validation=(vx, vy), epochs=1, verbose=0)
    assert chosen(result)["head"] == how
    model.compile("adam", loss or "auto") if loss else model.compile("auto")
    reached = model.evaluate(vx, vy, verbose=0, return_dict=True)["loss"]
    assert reached == pytest.approx(result.best["val_loss"], rel=2e-3, abs=1e-5)
    assert np.abs(model.predict(vx, verbose=0) - before).max() > 1e-5


def test_a_solved_head_is_solved_again_with_the_strength_it_had(rng):
    data = pictures(rng, 128, 2)
    model = make(2)
    result = fine_tune(model, data, epochs=0, verbose=0)
    assert result.stages[-1]["stage"] == "on all samples"
    strength = result.best["strength"]
    assert strength != linear_probe.DEFAULT_STRENGTH
    found = feature_cache.features(model, data, verbose=0)
    again = linear_probe.fit_linear_probe(
        "softmax", (found.take(found.rows), *found.rest), None, 2,
        strengths=(strength,),
    )  # fmt: skip
    assert again.best["strength"] == strength
    kernel = keras.ops.convert_to_numpy(model.head.get_weights()[0])
    np.testing.assert_allclose(kernel, again.kernel, rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize("options", [{"epochs": 0}, {"blocks": 0.5}])
def test_a_head_that_was_trained_before_is_kept(data, options):
    model = make()
    fine_tune(model, data[0], validation=data[1], epochs=0, verbose=0)
    before = [weight.copy() for weight in model.head.get_weights()]
    options = {"learning_rate": 1e-9, "head_epochs": 0} | options
    result = fine_tune(model, data[0], verbose=0, **options)
    assert result.stages[0]["stage"] == "start"
    # Its temperature may have been chosen anew.
    old, new = (
        np.concatenate([weight.ravel() for weight in weights])
        for weights in (before, model.head.get_weights())
    )
    temperature = np.vdot(old, old) / np.vdot(old, new)
    assert 0.8 < temperature < 1.25
    np.testing.assert_allclose(new * temperature, old, atol=1e-5)


@pytest.mark.slow
def test_a_trained_head_is_trained_again_on_all(rng, monkeypatch):
    monkeypatch.setattr("keras_transfer.recipes.defaults.HEAD_EPOCHS", 2)
    head = kt.ClassificationHead(2, hidden_units=(4,))
    result = fine_tune(make(head), pictures(rng, 64, 2), epochs=0, verbose=0)
    again = [r for r in result.history if r["stage"] == "on all samples"]
    chosen_row = result.best
    assert len(again) == chosen_row["epoch"]
    assert chosen_row["stage"] == "head" and "val_loss" in chosen_row
