"""What a report draws and warns of."""

import io
import sys

import keras
import numpy as np
import pytest

pytest.importorskip("matplotlib")

import keras_transfer as kt
from keras_transfer.data.batches import ArrayBatches
from keras_transfer.recipes import evaluation, plots
from keras_transfer.recipes.evaluation_text import evaluation_table

pytestmark = pytest.mark.any_backend


class Counted(ArrayBatches):
    """Arrays that count how often their samples are read."""

    num_read = 0

    def read(self, sample_ids):
        self.num_read += len(sample_ids)
        return super().read(sample_ids)


def test_evaluation_reads_each_sample_once():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(41, 5)).astype("float32"), np.arange(41) % 3
    inputs = keras.Input((5,))
    source = keras.Model(inputs, keras.layers.Dense(4)(inputs))
    model = kt.TransferModel(source, head=3)
    model.compile("auto")
    data = Counted(x, y, batch_size=8, shuffle=False)
    found = evaluation.evaluate(model, data)
    assert data.num_read == 41 and found["num_samples"] == 41
    expected = model.evaluate(x, y, verbose=0, return_dict=True)
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-5)
    classes = model.predict(x, verbose=0).argmax(axis=-1)
    matrix = np.zeros((3, 3), int)
    for truth, predicted in zip(y, classes, strict=True):
        matrix[truth, predicted] += 1
    assert found["confusion"] == matrix.tolist()
    assert found["recall"]["0"] == matrix[0, 0] / matrix[0].sum()
    scores = model.predict(x, verbose=0)
    losses = -np.log(scores[np.arange(41), y])
    error = losses.std(ddof=1) / np.sqrt(41)
    assert found["loss_error"] == pytest.approx(error, rel=1e-4)
    low, high = found["accuracy_interval"]
    assert low < found["accuracy"] < high


@pytest.mark.parametrize("loss", ["auto", "given"])
@pytest.mark.parametrize("kind", ["sigmoid", "two", "numbers"])
def test_every_head_has_an_error_of_its_loss(kind, loss):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(20, 5)).astype("float32")
    inputs = keras.Input((5,))
    source = keras.Model(inputs, keras.layers.Dense(4)(inputs))
    units = 1 if kind == "sigmoid" else 2
    head = (
        kt.RegressionHead(units)
        if kind == "numbers"
        else kt.ClassificationHead(units, activation="sigmoid")
    )
    model = kt.TransferModel(source, head=head)
    given = keras.losses.MeanSquaredError() if loss == "given" else None
    model.compile("auto", loss=given)
    y = rng.integers(0, 2, (20, units)).astype("float32")
    data = ArrayBatches(x, y[:, 0] if units == 1 else y, shuffle=False)
    found = evaluation.evaluate(model, data)
    scores = model.predict(x, verbose=0)
    losses = (y - scores) ** 2
    if kind != "numbers" and loss == "auto":
        losses = -(y * np.log(scores) + (1 - y) * np.log(1 - scores))
    losses = losses.mean(axis=1)
    error = losses.std(ddof=1) / np.sqrt(20)
    assert found["loss"] == pytest.approx(losses.mean(), rel=1e-4)
    assert found["loss_error"] == pytest.approx(error, rel=1e-4)
    has_interval = kind == "sigmoid" and loss == "auto"
    assert ("binary_accuracy_interval" in found) == has_interval


def test_a_loss_that_takes_the_mean_itself_has_no_error():
    x = np.random.default_rng(0).normal(size=(6, 5)).astype("float32")
    inputs = keras.Input((5,))
    source = keras.Model(inputs, keras.layers.Dense(4)(inputs))
    model = kt.TransferModel(source, head=kt.RegressionHead(1))

    def mean(y_true, y_pred):
        return keras.ops.mean(keras.ops.abs(y_true - y_pred))

    model.compile("adam", loss=mean, metrics=["mae"])
    data = ArrayBatches(x, x[:, :1], shuffle=False)
    found = evaluation.evaluate(model, data)
    assert "loss_error" not in found and found["mae"] > 0
    assert "loss_error" not in evaluation_table(found, "test")


def test_curves_have_a_colour_for_each_stage(tmp_path):
    rows = [
        {"stage": "head", "loss": 1.0, "accuracy": 0.3},
        {"stage": "head", "loss": 0.8, "accuracy": 0.5},
        {"stage": "fine-tune", "loss": 0.5, "accuracy": 0.8},
    ]
    assert list(plots._spans(rows)) == [("head", 0, 2), ("fine-tune", 2, 3)]
    plots.plot_history(tmp_path / "c.png", rows)
    assert (tmp_path / "c.png").stat().st_size > 5000


def accuracies(validation, test, samples=1000):
    return {
        "validation": {"accuracy": validation, "num_samples": samples},
        "test": {"accuracy": test, "num_samples": samples},
    }


def test_a_test_set_of_another_kind_is_called_that():
    assert "0.330 against 0.970" in evaluation.gap_warning(
        accuracies(0.97, 0.33)
    )
    assert evaluation.gap_warning(accuracies(0.9, 0.85)) is None
    assert evaluation.gap_warning(accuracies(0.9, 0.6, samples=10)) is None
    assert evaluation.gap_warning({"validation": {"loss": 1.0}}) is None


def losses(validation, test, error=0.05):
    return {
        "validation": {
            "loss": validation, "loss_error": error, "num_samples": 16,
        },
        "test": {"loss": test, "loss_error": error, "num_samples": 40},
    }  # fmt: skip


def test_a_test_loss_far_above_that_of_validation_is_said():
    said = evaluation.gap_warning(losses(0.31, 0.93))
    assert "0.930 against 0.310 on 16 samples" in said
    # Within noise, by less than a half, and below.
    assert evaluation.gap_warning(losses(0.31, 0.93, error=0.3)) is None
    assert evaluation.gap_warning(losses(1.0, 1.3)) is None
    assert evaluation.gap_warning(losses(0.9, 0.3)) is None


def found_of(matrix):
    """What `evaluate` finds for a confusion matrix."""
    matrix = np.array(matrix)
    recall = matrix.diagonal() / np.maximum(matrix.sum(axis=1), 1)
    accuracy = matrix.trace() / matrix.sum()
    return {
        "loss": 0.25,
        "accuracy": float(accuracy),
        "num_samples": int(matrix.sum()),
        "loss_error": 0.05,
        "accuracy_interval": (0.717, 0.989),
        "confusion": matrix.tolist(),
        "recall": {f"c{i}": float(x) for i, x in enumerate(recall)},
    }


def test_an_accuracy_comes_with_its_interval():
    text = evaluation_table(found_of([[8, 0], [1, 7]]), "test")
    assert "loss 0.25 +/- 0.05" in text
    assert "accuracy 0.9375: 15 of 16 (0.72 to 0.99)" in text
    assert "as c1" in text


def test_a_narrow_terminal_shows_the_mistakes_only(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    found = found_of(5 * np.eye(8, dtype=int))
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setenv("COLUMNS", "120")
    assert "as c7" in evaluation_table(found, "test")
    monkeypatch.setenv("COLUMNS", "60")
    text = evaluation_table(found, "test")
    assert "as c7" not in text and "most often confused: none" in text


def test_many_classes_are_told_by_their_mistakes():
    matrix = 5 * np.eye(79, dtype=int)
    matrix[3, 7] = 4
    matrix[5, [1, 2]] = 20, 1
    matrix[40] = 0
    text = evaluation_table(found_of(matrix), "test")
    lines = [line.split() for line in text.splitlines()]
    assert ["c5", "0.192", "5", "of", "26", "c1", "20,", "c2", "1"] in lines
    assert ["c3", "0.556", "5", "of", "9", "c7", "4"] in lines
    # No sample of it was seen.
    assert not any(line[:1] == ["c40"] for line in lines)
    assert "most often confused: c5 as c1 20, c3 as c7 4, c5 as c2 1" in text
    assert "10 of 79 classes" in text and max(map(len, lines)) < 20
