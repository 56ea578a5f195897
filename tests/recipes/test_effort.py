"""`fine_tune(effort=)`: the head alone, the rule, or the average of ends."""

import re

import keras
import numpy as np
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("scipy")

from keras.ops import convert_to_numpy as to_numpy
from small_recipes import chosen, make, pictures

import keras_transfer as kt
from keras_transfer.data.horizontal_flips import WithFlips
from keras_transfer.recipes import full_tuning, judging


def trained(data, **options):
    keras.utils.set_random_seed(0)
    model = make()
    result = kt.fine_tune(model, data, **{"verbose": 0} | options)
    return model, result


@pytest.fixture(autouse=True)
def ends_are_kept(monkeypatch):
    """Of small nets too, which a few steps do not move far enough."""
    monkeypatch.setattr(
        full_tuning.FullTuningStage, "_too_little", lambda *args: None
    )


def weights_of(model):
    return [to_numpy(v).copy() for v in model.weights]


def assert_same(found, expected, **tolerance):
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, **{"rtol": 1e-5} | tolerance)


def mean_of(ends):
    return [np.mean(arrays, axis=0) for arrays in zip(*ends, strict=True)]


class Ends(keras.callbacks.Callback):
    """Keeps weights, number of steps and samples of each training."""

    def __init__(self):
        super().__init__()
        self.weights, self.steps = [], []

    def on_train_begin(self, logs=None):
        self.steps.append(0)

    def on_train_batch_end(self, batch, logs=None):
        self.steps[-1] += 1

    def on_train_end(self, logs=None):
        self.weights.append(weights_of(self.model))


def test_quick_is_the_solved_head(rng):
    data = pictures(rng, 30)
    quick, result = trained(data, effort="quick")
    assert_same(weights_of(quick), weights_of(trained(data, epochs=0)[0]))
    assert [stage["stage"] for stage in result.stages] == ["head"]


@pytest.mark.slow
def test_normal_is_the_default(rng):
    data = pictures(rng, 30)
    both = [
        trained(data, epochs=1, folds=0, **options)[0]
        for options in ({}, {"effort": "normal"})
    ]
    assert_same(*map(weights_of, both))


@pytest.mark.slow
def test_best_is_the_mean_of_ends(rng):
    data, ends = pictures(rng, 30), Ends()
    model, result = trained(data, effort="best", folds=0, callbacks=[ends])
    assert ends.steps == [128, 128, 128]
    assert not np.allclose(ends.weights[0][0], ends.weights[1][0], rtol=1e-6)
    mean = mean_of(ends.weights)
    kernel, bias = (w / result.best["temperature"] for w in mean[-2:])
    assert_same(weights_of(model), [*mean[:-2], kernel, bias], atol=1e-6)
    assert result.best["ends"] == 3
    assert "the average of 3 ends, each after 128" in chosen(result)["weights"]


@pytest.mark.slow
def test_the_first_end_is_in_the_order_of_the_seed(rng):
    data = pictures(rng, 30)
    epochs = {"epochs": 2, "folds": 0}
    losses = [
        [
            row["loss"]
            for row in trained(data, effort=effort, **epochs)[1].history
            if row["stage"] == "fine-tune"
        ]
        for effort in ("normal", "best")
    ]
    np.testing.assert_allclose(losses[1][:2], losses[0], rtol=1e-6)
    assert len(losses[1]) == 6


@pytest.mark.slow
def test_statistics_of_batch_norm_are_not_averaged(rng):
    keras.utils.set_random_seed(0)
    model = make(train_batch_norm=True)
    result = kt.fine_tune(
        model, pictures(rng, 30), effort="best", epochs=2, folds=0, verbose=0
    )
    assert chosen(result)["ends"] == 1


def compared(differences, is_worse=False):
    scores = {"val_loss": 1.0, "val_accuracy": 0.5}
    return [
        judging.Comparison(scores, scores, 1.5, each, 0.1, is_worse)
        for each in differences
    ]


@pytest.mark.parametrize(
    ("differences", "number"),
    [([-0.1, -0.2, -0.3], 2), ([-0.1, -0.2, -0.1], 1), ([-0.3, -0.2, -0.4], 0)],
)
@pytest.mark.any_backend
def test_ends_are_averaged_as_long_as_that_lowers_the_loss(differences, number):
    assert full_tuning._last_that_lowers(compared(differences)) == number


@pytest.mark.slow
@pytest.mark.parametrize("validates", [True, False])
def test_what_is_judged_is_what_is_kept(rng, monkeypatch, validates):
    """On validation and on folds: two ends are better than one and three."""
    found, judge = iter([-0.1, -0.2, -0.1]), judging.compare

    def compare(*args, **options):
        assert judge(*args, **options).old
        return compared([next(found)])[0]

    monkeypatch.setattr(judging, "compare", compare)
    validation = pictures(rng, 30) if validates else None
    options = {"epochs": 1, "folds": 0 if validates else 2}
    ends = Ends()
    model, result = trained(
        pictures(rng, 30), validation=validation, effort="best",
        callbacks=[ends], **options,
    )  # fmt: skip
    assert result.best["ends"] == 2
    mean = mean_of(ends.weights[:2])
    mean[-2:] = (w / 1.5 for w in mean[-2:])
    assert_same(weights_of(model), mean, atol=1e-6)
    tried = [row for row in result.history if row["stage"] == "choice"]
    assert [row.get("ends", 0) for row in tried] == [0, 1, 2, 3]


@pytest.mark.slow
def test_best_takes_flips_where_the_head_has_gained_by_them(rng, monkeypatch):
    seen = []
    monkeypatch.setattr(
        full_tuning, "WithFlips", lambda data: seen.append(1) or WithFlips(data)
    )
    for flips, trainings in ((True, 3), (False, 0)):
        seen.clear()
        options = {"horizontal_flips": flips, "epochs": 2, "folds": 0}
        _, result = trained(pictures(rng, 30), effort="best", **options)
        rows = [r for r in result.history if r["stage"] == "fine-tune"]
        assert len(seen) == trainings
        # As many steps: a pass over flips too is two.
        assert len(rows) == (3 if flips else 6)


@pytest.mark.slow
def test_with_many_labels_a_part_is_held_out_and_trained_on_in_the_end(
    rng, monkeypatch
):
    monkeypatch.setattr(kt.recipes.label_counts, "ENOUGH_TO_HOLD_OUT", 20)
    monkeypatch.setattr(kt.recipes.label_counts, "FEW", 20)
    monkeypatch.setattr(
        judging, "compare", lambda *args, **options: compared([-0.1])[0]
    )
    _, result = trained(pictures(rng, 120), effort="best", epochs=1)
    stages = [stage["stage"] for stage in result.stages]
    assert stages == ["head", "fine-tune", "choice", "on all samples"]
    assert chosen(result)["validation"] == 0.15
    assert chosen(result)["ends"] == 3


@pytest.mark.slow
def test_no_time_for_another_end(rng, monkeypatch):
    data, ends = pictures(rng, 30), Ends()

    class Over(keras.callbacks.Callback):
        def on_train_end(self, logs=None):
            monkeypatch.setattr(
                kt.recipes.stage_runner.TimeLimit, "is_over", True
            )

    _, result = trained(
        data, effort="best", epochs=2, folds=0, callbacks=[ends, Over()]
    )
    assert len(ends.steps) == 1
    assert "those after 4 steps" in chosen(result)["weights"]


@pytest.mark.slow
def test_how_long_it_takes_is_said_before(rng, capsys):
    data = pictures(rng, 60)
    trained(data, effort="best", epochs=6, folds=2, verbose=1)
    out = capsys.readouterr().out
    found = r"fine-tuning: 3 times 24 steps, about \d+ s, with 2 folds \d+ s"
    assert len(re.findall(found, out)) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"effort": "much"}, "one of 'quick', 'normal', 'best'"),
        ({"effort": "quick", "epochs": 3}, "Received: epochs=3"),
    ],
)
@pytest.mark.any_backend
def test_efforts_that_are_none(rng, options, message):
    with pytest.raises(ValueError, match=message):
        trained(pictures(rng, 12), **options)


@pytest.mark.any_backend
def test_random_weights_have_no_features_to_solve_on(rng):
    model = kt.TransferModel(
        "MobileNetV2", 3, weights=None, input_shape=(32, 32, 3)
    )
    x = np.zeros((6, 32, 32, 3), "uint8")
    with pytest.raises(ValueError, match="with random weights"):
        kt.fine_tune(model, (x, np.arange(6) % 3), effort="quick", verbose=0)
