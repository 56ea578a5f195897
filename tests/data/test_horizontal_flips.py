"""A head that learns from pictures turned left to right too."""

import keras
import numpy as np
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("scipy")

import keras_transfer as kt
from keras_transfer import feature_cache
from keras_transfer.data.batches import ArrayBatches
from keras_transfer.data.horizontal_flips import WithFlips, folds_with_flips
from keras_transfer.recipes import fine_tune
from keras_transfer.transferability.linear_probe import (
    fit_linear_probe as solve,
)

SIZE = (8, 8, 1)


@pytest.fixture
def model():
    layers = keras.layers
    inputs = keras.Input(SIZE)
    x = layers.Conv2D(6, 3, activation="relu", name="first")(inputs)
    x = layers.Conv2D(6, 3, activation="relu", name="second")(x)
    return kt.TransferModel(keras.Model(inputs, x), 2, preprocessing=None)


def ramps(rng, count, axis):
    """Pictures that grow brighter, or darker, along an axis."""
    y = np.arange(count) % 2
    ramp = np.linspace(-1, 1, 8)
    ramp = ramp[:, None] if axis == 0 else ramp[None]
    x = rng.normal(0, 0.3, (count, 8, 8)) + np.where(y, 1, -1)[
        :, None, None
    ] * np.broadcast_to(ramp, (8, 8))
    return x[..., None].astype("float32"), y


def chosen(result):
    return {row["choice"]: row["value"] for row in result.choices}


def scores_of_head_on(model, x, y, strength):
    """What a head gives to `x` that is solved on pictures that are given."""
    found = feature_cache.features(model, (x, y), verbose=0)
    part = found.take(found.rows), *found.rest
    solved = solve("softmax", part, None, 2, strengths=(strength,))
    return part[0] @ solved.kernel + solved.bias


def scores_of(model, x):
    return np.log(model.predict(x, verbose=0))


def assert_same_margins(found, expected):
    """Of two classes only the difference is settled."""
    margins = [scores[:, 1] - scores[:, 0] for scores in (found, expected)]
    np.testing.assert_allclose(*margins, rtol=0.01, atol=0.05)


def with_copies(x, y):
    return np.concatenate([x, x[:, :, ::-1]]), np.concatenate([y, y])


class TestWithFlips:
    @pytest.mark.parametrize(
        ("form", "axis"), [("channels_last", 2), ("channels_first", 3)]
    )
    def test_reads(self, form, axis, rng, monkeypatch):
        monkeypatch.setattr(keras.config, "image_data_format", lambda: form)
        x = rng.normal(size=(5, 3, 4, 2)).astype("float32")
        batches = ArrayBatches(x, np.arange(5), np.ones(5))
        both = WithFlips(batches)
        assert both.num_samples == 10
        found, labels, weights = both.read(np.array([3, 8, 6, 0]))
        turned = np.flip(x, axis)
        expected = [x[3], turned[3], turned[1], x[0]]
        np.testing.assert_array_equal(found, expected)
        np.testing.assert_array_equal(labels, [3, 3, 1, 0])
        np.testing.assert_array_equal(weights, np.ones(4))
        np.testing.assert_array_equal(both.read_labels(), [*range(5)] * 2)
        assert both.fingerprint() != batches.fingerprint()
        # What is read is a copy.
        np.testing.assert_array_equal(batches.read(np.arange(5))[0], x)

    def test_of_a_dict(self, rng):
        x = rng.normal(size=(5, 3, 4, 2)).astype("float32")
        both = WithFlips(ArrayBatches({"photo": x}, np.arange(5)))
        found, _ = both.read(np.arange(5, 10))
        np.testing.assert_array_equal(found["photo"], x[:, :, ::-1])


def test_nothing_is_validated_on_copies():
    folds = [(np.array([0, 2]), np.array([1])), (np.array([1]), np.array([0]))]
    found = folds_with_flips(folds, 3)
    assert [(a.tolist(), b.tolist()) for a, b in found] == [
        ([0, 2, 3, 5], [1]),
        ([1, 4], [0]),
    ]
    assert folds_with_flips(None, 3) is None


@pytest.mark.parametrize("validates", [True, False])
def test_few_pictures_are_flipped(validates, model, rng):
    x, y = ramps(rng, 40, axis=0)
    validation = ramps(rng, 40, axis=0) if validates else None
    result = fine_tune(
        model, (x, y), validation=validation, epochs=0, verbose=0
    )
    assert chosen(result)["horizontal flips"]
    both = with_copies(x, y)
    expected = scores_of_head_on(model, *both, result.best["strength"])
    assert_same_margins(scores_of(model, both[0]), expected)
    assert result.best["flipped"]


@pytest.mark.parametrize("validates", [True, False])
def test_not_where_left_and_right_matter(validates, model, rng):
    x, y = ramps(rng, 40, axis=1)
    validation = ramps(rng, 40, axis=1) if validates else None
    result = fine_tune(
        model, (x, y), validation=validation, epochs=0, verbose=0
    )
    assert not chosen(result)["horizontal flips"]
    assert "flipped" not in result.best
    expected = scores_of_head_on(model, x, y, result.best["strength"])
    assert_same_margins(scores_of(model, x), expected)
    assert np.mean(model.predict(x, verbose=0).argmax(-1) == y) > 0.9


def test_a_head_that_is_solved_again_has_all_copies(model, rng):
    x, y = ramps(rng, 40, axis=0)
    result = fine_tune(
        model,
        (x, y),
        epochs=1,
        learning_rate=1e-12,
        horizontal_flips=True,
        verbose=0,
    )
    assert chosen(result)["weights"] == "those of the head alone"
    flipped = [row for row in result.history if row.get("flipped")]
    best = min(flipped, key=lambda row: row["val_loss"])
    both = with_copies(x, y)
    expected = scores_of_head_on(model, *both, best["strength"])
    found = scores_of(model, both[0])
    # Up to the temperature that the choice has given to it.
    margin = found[0, 1] - found[0, 0], expected[0, 1] - expected[0, 0]
    assert_same_margins(found, expected * margin[0] / margin[1])


def test_as_given(model, rng):
    data = ramps(rng, 40, axis=1)
    result = fine_tune(model, data, epochs=0, horizontal_flips=True, verbose=0)
    assert result.best["flipped"]
    result = fine_tune(model, data, epochs=0, horizontal_flips=False, verbose=0)
    assert "horizontal flips" not in chosen(result)


@pytest.mark.parametrize("count", [38, 100])
def test_too_few_or_enough_pictures(count, model, rng):
    result = fine_tune(model, ramps(rng, count, axis=0), epochs=0, verbose=0)
    assert "horizontal flips" not in chosen(result)


def test_too_few_to_compare_on(model, rng):
    train, validation = ramps(rng, 40, axis=0), ramps(rng, 38, axis=0)
    result = fine_tune(model, train, validation=validation, epochs=0, verbose=0)
    assert "horizontal flips" not in chosen(result)


def test_asked_for_without_a_head_to_solve(rng):
    backbone = keras.Sequential(
        [keras.Input(SIZE), keras.layers.Conv2D(4, 3, activation="relu")]
    )
    head = kt.ClassificationHead(2, hidden_units=(4,))
    model = kt.TransferModel(backbone, head, preprocessing=None)
    with pytest.raises(
        ValueError,
        match=r"`horizontal_flips=True`.*Leave `horizontal_flips` out",
    ):
        fine_tune(
            model, ramps(rng, 40, axis=0), horizontal_flips=True, verbose=0
        )
