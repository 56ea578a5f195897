"""What class weights do to a recipe: the model, the choices, the result."""

import numpy as np
import pytest

import keras_transfer as kt
from keras_transfer.recipes import interpolation, judging

pytestmark = pytest.mark.any_backend


def _recall_of_rare(scores, y):
    return np.mean(scores[y == 1].argmax(axis=1) == 1)


@pytest.fixture
def unbalanced():
    """Two classes that overlap, one with a tenth of the samples."""
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], [200, 20])
    x = rng.normal(size=(220, 4)) + np.where(y, 0.7, -0.7)[:, None] * 0.8
    return x.astype("float32"), y


@pytest.fixture
def source():
    import keras

    inputs = keras.Input((4,))
    outputs = keras.layers.Dense(
        4, kernel_initializer="identity", name="block_1"
    )(inputs)
    return keras.Model(inputs, outputs)


def _trained(source, data, **options):
    model = kt.TransferModel(source, head=2)
    model.class_names = ["common", "rare"]
    result = kt.fine_tune(
        model, data, validation=data, epochs=0, verbose=0, **options
    )
    return result, model.predict(data[0], verbose=0)


def test_a_rare_class_is_recalled_and_the_result_says_so(source, unbalanced):
    y = unbalanced[1]
    plain, before = _trained(source, unbalanced)
    result, after = _trained(source, unbalanced, class_weight="balanced")
    rare = _recall_of_rare(after, y)
    assert rare > _recall_of_rare(before, y) + 0.2
    assert result.recall["rare"] == pytest.approx(rare)
    assert list(result.recall) == ["common", "rare"]
    assert plain.recall == {}
    (row,) = [r for r in result.choices if r["choice"] == "class weights"]
    assert row["value"] == "common 0.55, rare 5.5"
    assert row["reason"].endswith("that all classes are equally common")
    # Under the weighted loss both classes have the same mean score.
    weights = np.where(y == 1, 5.5, 0.55)
    assert np.average(after[:, 1], weights=weights) == pytest.approx(
        0.5, abs=0.02
    )


def test_a_dict_by_names_is_one_of_sample_weights(source, unbalanced):
    x, y = unbalanced
    _, found = _trained(source, unbalanced, class_weight={"rare": 4.0})
    weighted = (x, y, np.where(y == 1, 4.0, 1.0).astype("float32"))
    _, expected = _trained(source, weighted)
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_a_head_of_numbers_takes_none(source, unbalanced):
    model = kt.TransferModel(source, head=kt.layers.RegressionHead(1))
    x, y = unbalanced
    with pytest.raises(ValueError, match="1 outputs for numbers"):
        kt.recipes.two_stage(
            model, (x, y * 0.5), class_weight="balanced", verbose=0
        )


def test_fit_counts_classes_itself(source, unbalanced):
    x, y = unbalanced
    found = []
    for weights in (
        "balanced",
        {"common": 0.55, "rare": 5.5},
        {0: 0.55, 1: 5.5},
    ):
        model = kt.TransferModel(source, head=2)
        model.class_names = ["common", "rare"]
        model.head.set_weights([np.eye(4, 2), np.zeros(2)])
        model.compile("auto")
        history = model.fit(x, y, class_weight=weights, verbose=0)
        found.append(history.history["loss"])
    np.testing.assert_allclose(found[0], found[2], rtol=1e-5)
    np.testing.assert_allclose(found[1], found[2], rtol=1e-5)
    with pytest.raises(ValueError, match=r"not there\. Received: 'rar'"):
        model.fit(x, y, class_weight={"rar": 2.0}, verbose=0)


def test_balanced_accuracy_decides_between_weights():
    rows = [
        {"val_loss": 1.0, "val_accuracy": 0.9, "val_balanced_accuracy": 0.5},
        {"val_loss": 0.5, "val_accuracy": 0.8, "val_balanced_accuracy": 0.8},
        {"val_loss": 0.4, "val_accuracy": 0.9, "val_balanced_accuracy": 0.4},
    ]
    assert interpolation.best_of(rows, 300, True) is rows[1]
    assert interpolation.best_of(rows[:2], 300) is rows[0]


def test_balanced_accuracy_decides_between_models():
    labels = np.repeat([0, 1], [270, 30])
    weights = np.where(labels == 1, 5.0, 5 / 9)
    # The old one says 0 to all; the new one mixes up a fifth of class 0.
    old = np.tile([1.0, -1.0], (300, 1))
    new = np.stack([np.zeros(300), np.where(labels, 3.0, -3.0)], axis=1)
    new[:60] *= -1
    options = {"groups": judging.halves(labels)}
    found = judging.compare(
        "softmax", old, new, labels, weights, by_class=True, **options
    )
    assert found.new["val_accuracy"] == pytest.approx(0.8)
    assert found.new["val_balanced_accuracy"] == pytest.approx(
        (210 / 270 + 1) / 2
    )
    assert not found.is_worse
    assert judging.compare(
        "softmax", old, new, labels, weights, **options
    ).is_worse


@pytest.mark.parametrize("options", [{}, {"interpolate": True}])
def test_fine_tuning_is_judged_by_class(source, unbalanced, options):
    found = []
    for class_weight in ("balanced", None):
        model = kt.TransferModel(source, head=2)
        result = kt.fine_tune(
            model, unbalanced, validation=unbalanced, epochs=2, verbose=0,
            class_weight=class_weight, **options,
        )  # fmt: skip
        found.append(result)
    weighted, plain = found
    recall = list(weighted.recall.values())
    assert weighted.best["val_balanced_accuracy"] == pytest.approx(
        np.mean(recall)
    )
    assert "val_balanced_accuracy" not in plain.best
