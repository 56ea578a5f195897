"""What a report draws and warns of."""

import keras
import numpy as np
import pytest

pytest.importorskip("matplotlib")

import keras_transfer as kt
from keras_transfer.data.batches import ArrayBatches
from keras_transfer.recipes import evaluation, plots

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
