"""`assess_transfer`: what it finds in pictures that were made for it."""

import json

import keras
import numpy as np
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("scipy")

from small_recipes import colour_net, coloured, make

import keras_transfer as kt
from keras_transfer import feature_cache
from keras_transfer.recipes.assessment import gain

pytestmark = pytest.mark.any_backend


def marked(rng, number=90):
    """Such pictures, with one of each fault."""
    x, y = coloured(rng, number)
    x[7], y[7] = x[1], y[1]  # the same picture twice
    x[11] = 120.0  # nothing on it
    x[12] = rng.uniform(0, 12, (8, 8, 3))  # dark
    y[20] = (y[20] + 1) % 3  # a wrong label
    return x, y


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    x, y = marked(rng)
    test = coloured(rng, 30)
    test[0][4] = x[2]
    return (x, y), test


@pytest.fixture(scope="module")
def model():
    return colour_net()


@pytest.fixture(scope="module")
def found(data, model):
    train, test = data
    rng = np.random.default_rng(1)
    source = (coloured(rng, 40)[0] * 0.3).astype("float32")
    more = coloured(rng, 60)[0]
    return kt.assess_transfer(
        model, train, source=source, test=test, unlabelled=more, verbose=0
    )


def test_counts_and_baselines(found, data):
    y = data[0][1]
    assert list(found.per_class.values()) == np.bincount(y).tolist()
    assert found.num_samples == {"train": 90, "test": 30}
    majority, near, probe = found.baselines
    assert majority.accuracy == pytest.approx(np.bincount(y).max() / 90)
    assert near.accuracy > majority.accuracy
    assert probe.accuracy > 0.8
    for each in found.baselines:
        assert 0 <= each.low < each.accuracy < each.high <= 1


def test_the_curve_is_of_the_training_samples(found):
    assert found.curve.num_samples == 90
    assert found.curve.furthest == 360
    low, high = found.curve.interval(180)
    assert low <= found.curve.predict(180) <= high


def test_planted_faults_are_found(found):
    def places(kind):
        return [each.places for each in found.found(kind)]

    assert (("train", 1), ("train", 7)) in places("exact duplicate")
    assert (("train", 2), ("test", 4)) in places("exact duplicate")
    across = [each for each in found.found("exact duplicate") if each.across]
    assert [each.places for each in across] == [(("train", 2), ("test", 4))]
    assert [p[0] for p in places("blank")] == [("train", 11)]
    assert [p[0] for p in places("dark")] == [("train", 12)]
    (wrong,) = [e for e in found.found("label") if e.places[0][1] == 20]
    assert wrong.detail == "class 0 -> class 2"
    exact = set(places("exact duplicate"))
    assert not exact & set(places("near duplicate"))


def test_the_gain_is_over_the_same_net_without_its_weights(found, model):
    assert found.gain.num_samples == 90
    expected = found.gain.pretrained - found.gain.random
    assert found.gain.gain == pytest.approx(expected)
    assert found.gain.verdict in found.summary


def test_source_and_unlabelled_samples_are_compared(found):
    assert found.similarity.p_value < 0.02
    assert found.similarity.reading.startswith("differ")
    assert found.shift.p_value > found.similarity.p_value
    assert found.shift.frechet < found.similarity.frechet


def test_text_json_and_markdown(found):
    read = json.loads(json.dumps(found.to_json()))
    assert read["summary"] == found.summary
    assert read["per_class"] == found.per_class
    assert len(read["findings"]) == len(found.findings)
    expected = read["learning_curve"]["expected"]
    assert [row["labels"] for row in expected] == [90, 180, 360]
    assert found.summary in str(found)
    assert "linear probe" in str(found)
    lines = found.to_markdown().splitlines()
    widths = {line.count("|") for line in lines if line.startswith("| train")}
    assert widths == {4}


def test_pictures_are_drawn(found, tmp_path):
    pytest.importorskip("matplotlib")
    assert found.save(tmp_path) == [
        "assessment.json",
        "assessment.md",
        "learning_curve.png",
        "map.png",
        "labels.png",
    ]
    for name in ("learning_curve.png", "map.png", "labels.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")


def test_the_net_runs_over_the_target_once(data, model, monkeypatch):
    seen = []
    whole = feature_cache.features.__globals__["build"]

    def counted(samples, boundary, cache, *, name, **options):
        seen.append((name, len(samples.rows_of_items())))
        return whole(samples, boundary, cache, name=name, **options)

    monkeypatch.setitem(feature_cache.features.__globals__, "build", counted)
    before = model.get_weights()
    found = kt.assess_transfer(model, data[0], verbose=0)
    assert seen == [("train", 90), ("random net's", 90)]
    assert "no samples of the source" in found.summary
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    again = kt.assess_transfer(model, data[0], verbose=0)
    assert again.to_json() == found.to_json()


def test_random_weights_have_no_gain(data):
    net = make(weights=None)
    found = kt.assess_transfer(net, data[0], verbose=0)
    assert found.gain is None
    assert "nothing to gain over" in found.notes[0]


def test_negative_transfer_is_said(rng):
    y = np.arange(120) % 3
    good = np.eye(3)[y] + 0.1 * rng.normal(size=(120, 3))
    bad = rng.normal(size=(120, 3))
    negative = gain.gain_over_random(bad, good, y)
    assert negative.gain < -0.3
    assert negative.verdict.startswith("negative transfer")
    assert gain.gain_over_random(good, bad, y).verdict == "transfer helps"
    equal = gain.gain_over_random(bad, bad, y)
    assert equal.gain == 0
    assert equal.verdict.startswith("within noise")


def test_one_hot_labels_and_a_plain_model(data):
    x, y = data[0]
    inputs = keras.Input((8, 8, 3))
    body = keras.layers.Conv2D(3, 3, activation="relu")(inputs)
    own = keras.Model(inputs, body)
    found = kt.assess_transfer(own, (x / 255, y), verbose=0)
    assert list(found.per_class) == ["class 0", "class 1", "class 2"]
    several = make()
    several.compile("adam", "categorical_crossentropy")
    one_hot = kt.assess_transfer(several, (x, np.eye(3)[y]), verbose=0)
    assert list(one_hot.per_class.values()) == list(found.per_class.values())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x, y: (x[:3], y[:3]), "8 labelled samples"),
        (lambda x, y: (x, 0 * y), "two classes"),
        (lambda x, y: (x, np.array(["a", "b", "c"])[y]), "np.unique"),
        (lambda x, y: (x, np.where(y > 1, np.nan, y)), "whole numbers"),
        (lambda x, y: (x, y[:50]), "same number of samples"),
        (lambda x, y: (x,), "no labels"),
        (lambda x, y: (np.where(x > 200, np.nan, x), y), "NaN"),
    ],
)
def test_data_that_do_not_fit_are_told(data, model, change, message):
    with pytest.raises(ValueError, match=message):
        kt.assess_transfer(model, change(*data[0]), verbose=0)


def test_heads_for_other_than_classes_are_refused(data):
    numbers = make(head=kt.RegressionHead(1))
    with pytest.raises(ValueError, match="puts out numbers"):
        kt.assess_transfer(numbers, data[0], verbose=0)


def test_other_samples_that_do_not_fit_are_told(data, model):
    x, y = data[0]
    with pytest.raises(ValueError, match="4 samples"):
        kt.assess_transfer(model, (x, y), source=x[:2], verbose=0)
    for name in ("source", "test", "unlabelled"):
        with pytest.raises(ValueError, match=f"samples of `{name}`.*image_si"):
            kt.assess_transfer(model, (x, y), verbose=0, **{name: x[:, :5, :5]})
