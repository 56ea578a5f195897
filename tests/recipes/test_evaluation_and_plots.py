"""What a report draws and warns of."""

import pytest

pytest.importorskip("matplotlib")

from keras_transfer.recipes import evaluation, plots

pytestmark = pytest.mark.any_backend


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
