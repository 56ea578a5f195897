"""The demo measures what it says, and there is something to be measured."""

import json

import keras
import numpy as np
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("scipy")
pytest.importorskip("matplotlib")

import keras_transfer as kt
from keras_transfer.cli.demo import digits, experiment, measures, story, ways

pytestmark = pytest.mark.any_backend

CURVES = {
    "tuned": [[0.5, 0.8], [0.7, 0.8]],
    "scratch": [[0.2, 0.8], [0.5, 1.0]],
}


@pytest.fixture
def rows():
    return [
        row
        for way, curves in CURVES.items()
        for row in measures.rows(way, 5, (5, 40), curves)
    ]


def test_rows_have_mean_and_sample_deviation(rows):
    assert [(r["way"], r["epochs"]) for r in rows] == [
        ("tuned", 5), ("tuned", 40), ("scratch", 5), ("scratch", 40),
    ]  # fmt: skip
    assert rows[0]["mean"] == pytest.approx(0.6)
    # Two values 0.2 apart: each is 0.1 from the mean, divided by n - 1 = 1.
    assert rows[0]["spread"] == pytest.approx(0.02**0.5)
    assert rows[1]["spread"] == 0.0
    assert "0.600 +- 0.141" in story.accuracy_table(rows)


def test_differences_are_taken_seed_by_seed(rows):
    first, last = measures.differences(rows, "tuned", "scratch")
    assert first["mean"] == pytest.approx((0.3 + 0.2) / 2)
    # The gaps 0.3 and 0.2 deviate by 0.05 each; over the root of two seeds.
    assert first["standard error"] == pytest.approx(0.005**0.5 / 2**0.5)
    assert last["mean"] == pytest.approx(-0.1)


def test_a_single_seed_has_no_spread():
    (row,) = measures.rows("tuned", 5, (5,), [[0.5]])
    assert row["spread"] is None
    (gap,) = measures.differences([row, row | {"way": "b"}], "tuned", "b")
    assert gap["mean"] == 0.0 and gap["standard error"] is None
    assert story.accuracy_table([row]).endswith("0.500")


def test_digits_are_repeatable_and_in_0_to_255():
    data, again = (digits.digits(range(5, 10), copies=2) for _ in range(2))
    (x, y), (_, y_test) = data["train"], data["test"]
    assert x.shape[1:] == (16, 16, 1) and x.dtype == "float32"
    assert len(y) == 2 * (896 - len(y_test)) and len(y_test) == 896 // 3
    assert set(y) == set(y_test) == set(range(5))
    assert x.min() == 0 and 200 < x.max() <= 255
    np.testing.assert_array_equal(x, again["train"][0])
    assert not np.array_equal(x[0], x[1])  # two copies of one digit
    assert y[0] == y[1]


def test_a_placed_digit_keeps_its_ink():
    image = np.full((1, 8, 8), 100.0)
    fields = digits.placed(np.repeat(image, 50, 0), np.random.default_rng(0))
    ink = fields.sum(axis=(1, 2, 3)) / image.sum()
    # Scales from 0.8 to 1.15 cover areas of 1/1.15^2 to 1/0.8^2, less a rim.
    assert 0.5 < ink.min() < ink.max() < 1.6
    assert fields.max() == 100.0


def test_few_takes_as_many_of_each_class():
    data = digits.digits(range(5, 10))["train"]
    images, labels = digits.few(data, 3, seed=1)
    assert np.bincount(labels).tolist() == [3] * 5
    assert len(images) == 15
    other, _ = digits.few(data, 3, seed=2)
    assert not np.array_equal(images, other)


def test_fine_tuning_leaves_the_start_alone_and_moves_the_copy(monkeypatch):
    monkeypatch.setattr(ways, "EPOCHS", (1, 2))
    monkeypatch.setattr(ways, "SOURCE_EPOCHS", 1)
    source = ways.source_model(digits.digits(range(5))["train"])
    start = ways.start_model(source)
    before = start.backbone.get_weights()
    few = digits.few(digits.digits(range(5, 10))["train"], 2, 0)
    model, linear, curve = ways.fine_tuned(start, few, few, 0)
    # A head that is solved on ten samples tells more of them than chance does.
    assert len(curve) == 2 and linear > 0.2
    assert curve[-1] == ways.accuracy(model, few)
    for a, b, c in zip(
        before,
        start.backbone.get_weights(),
        model.backbone.get_weights(),
        strict=True,
    ):
        np.testing.assert_array_equal(a, b)
        assert not np.array_equal(a, c)


def test_no_repetition_is_refused(tmp_path):
    with pytest.raises(ValueError, match="at least one repetition"):
        experiment.run(tmp_path, 0)


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("once is enough: the ways themselves are tested on all")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ways, "EPOCHS", (5, 40))
        patch.setattr(ways, "MATCHING_EPOCHS", 12)
        folder = tmp_path_factory.mktemp("demo")
        return experiment.run(folder, 1, lambda line: None)


def mean(result, way, shots, epochs):
    return next(
        row["mean"]
        for row in result["rows"]
        if (row["way"], row["shots"], row["epochs"]) == (way, shots, epochs)
    )


@pytest.mark.slow
def test_transfer_is_sooner_with_any_number_of_labels(result):
    for shots in (5, 20):
        tuned = mean(result, experiment.TUNED, shots, 5)
        assert tuned > mean(result, experiment.SCRATCH, shots, 5) + 0.05


@pytest.mark.slow
def test_transfer_is_better_in_the_end_with_few_labels(result):
    tuned = mean(result, experiment.TUNED, 5, 40)
    assert tuned > mean(result, experiment.SCRATCH, 5, 40) + 0.05
    assert tuned > mean(result, experiment.LINEAR, 5, 40)


@pytest.mark.slow
def test_matching_helps_another_architecture(result):
    matching = result["matching"]
    assert np.mean(matching["matched"]) > np.mean(matching["labels alone"])
    for pair in matching["pairs"]:
        assert pair["CKA after"] > pair["CKA before"]
    assert "CKA after" in story.text(result)


@pytest.mark.slow
def test_more_labels_help_every_way(result):
    for way in (experiment.LINEAR, experiment.TUNED, experiment.SCRATCH):
        assert mean(result, way, 20, 40) > mean(result, way, 5, 40)


@pytest.mark.slow
def test_the_source_stays_what_it_was(result):
    source = result["source"]
    assert source["unchanged"] and source["accuracy"] > 0.9
    # Fine-tuned features fit the old task less well, but are no others.
    assert 0.5 < source["accuracy on fine-tuned features"] <= 1.0


@pytest.mark.slow
def test_artefacts_can_be_used(result):
    from pathlib import Path

    folder = Path(result["output"])
    assert result["export"]["largest difference"] < 1e-5
    assert json.loads((folder / "results.json").read_text()) == result
    assert kt.load_model(folder / "model.keras").class_names[0] == "five"
    assert (folder / "accuracy.png").read_bytes()[:4] == b"\x89PNG"
    text = story.text(result)
    assert "keras-transfer fit PHOTOS --backbone MobileNetV2" in text
    assert f"{mean(result, experiment.TUNED, 5, 40):.3f}" in text
