"""`fine_tune` reads several levels where that lowers the loss."""

import keras
import numpy as np
import pytest

import keras_transfer as kt
from keras_transfer.recipes import level_choice

layers = keras.layers


def net(shown):
    """Two blocks: the second tells nothing, or sums up columns."""
    inputs = keras.Input((4, 4, 3))
    x = layers.Conv2D(3, 1, activation="relu", name="conv0")(inputs)
    outputs = layers.Conv2D(4, 4, activation="relu", name="conv1")(x)
    model = keras.Model(inputs, outputs)
    model.get_layer("conv0").set_weights(
        [np.eye(3).reshape(1, 1, 3, 3), np.zeros(3)]
    )
    kernel = np.zeros((4, 4, 3, 4))
    if shown == "last":
        kernel[:, np.arange(4), :, np.arange(4)] = 0.01
    bias = np.full(4, float(shown == "first"))
    model.get_layer("conv1").set_weights([kernel, bias])
    return model


def pictures(rng, shown, number=60):
    """Classes that are a bit brighter in one channel, or in one column."""
    y = np.arange(number) % 3
    x = rng.uniform(0, 120, (number, 4, 4, 3))
    where = (slice(None),) * (2 if shown == "first" else 1)
    for each, label in zip(x, y, strict=True):
        each[(*where, label)] += 25
    return x.astype("float32"), y


def tuned(shown, data, **options):
    model = kt.TransferModel(
        net(shown), 3, preprocessing=None, levels=options.pop("levels", "auto")
    )
    result = kt.fine_tune(model, data, epochs=0, verbose=0, **options)
    chosen = [c for c in result.choices if c["choice"] == "levels"]
    return model, chosen


@pytest.mark.parametrize("held_out", [False, True])
def test_a_level_that_tells_more_is_read(held_out, rng):
    validation = pictures(rng, "first", 12) if held_out else None
    model, chosen = tuned(
        "first", pictures(rng, "first"), validation=validation
    )
    assert [c["value"] for c in chosen] == ["2"]
    assert "with the last one alone" in chosen[0]["reason"]
    x, y = pictures(rng, "first")
    assert (model.predict(x, verbose=0).argmax(1) == y).mean() > 0.7
    assert model.level_scaling.is_centred


def test_one_that_tells_no_more_is_left_out(rng):
    model, chosen = tuned("last", pictures(rng, "last"))
    assert [c["value"] for c in chosen] == ["the last one alone"]
    scale = model.level_scaling.get_weights()[2]
    assert scale.tolist() == [1, 1, 1, 1, 0, 0, 0]
    x, y = pictures(rng, "last")
    assert (model.predict(x, verbose=0).argmax(1) == y).mean() > 0.7


def test_levels_that_were_given_are_not_chosen_from(rng):
    model, chosen = tuned("last", pictures(rng, "last"), levels=[0])
    assert not chosen
    assert model.level_scaling.get_weights()[2][-1] == 0.5


def test_the_head_is_solved_on_what_it_will_see(rng):
    # Its logits on the model's own features, centred and scaled.
    x, y = pictures(rng, "first")
    model, _ = tuned("first", (x, y))
    features = kt.feature_cache.features(model, (x, y))
    (scaled, _) = level_choice.scaled(model, (features.take(features.rows), y))
    kernel, bias = model.head.get_weights()
    expected = keras.ops.convert_to_numpy(model.logits(x))
    np.testing.assert_allclose(scaled @ kernel + bias, expected, atol=1e-4)


@pytest.mark.slow
def test_it_goes_on_to_fine_tune(rng):
    model = kt.TransferModel(net("first"), 3, preprocessing=None, levels=2)
    data = pictures(rng, "first")
    result = kt.fine_tune(model, data, epochs=4, folds=0, verbose=0)
    losses = [r["loss"] for r in result.history if r["stage"] == "fine-tune"]
    assert losses[1] < losses[0]
