"""`fine_tune`: every kind of data, few, odd and wrong."""

import types

import numpy as np
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("scipy")

from doubles import Batches
from small_recipes import chosen, make, pictures

from keras_transfer.data.batches import ArrayBatches
from keras_transfer.recipes import fine_tune


@pytest.mark.slow
def test_without_validation_a_part_is_held_out_and_all_train(rng):
    x, y = pictures(rng, 512, 2)
    model = make(2)
    result = fine_tune(model, (x, y), epochs=1, verbose=0)
    assert chosen(result)["validation"] == 0.15
    assert result.stages[-1]["stage"] == "on all samples"
    assert model.predict(x[:2], verbose=0).shape == (2, 2)
    assert "val_loss" in result.best


def test_few_samples_without_validation_are_cross_validated(rng):
    x, y = pictures(rng, 9)
    model = make()
    result = fine_tune(model, (x, y), epochs=0, verbose=0)
    assert [s["stage"] for s in result.stages] == ["head"]
    assert any("3 samples" in w for w in result.warnings)
    # Each of nine samples is held out once, and fits less well then.
    right = 9 * result.best["val_accuracy"]
    assert right == pytest.approx(round(right))
    assert result.best["val_loss"] > result.best["loss"]


def test_random_labels_are_called_what_they_are(rng):
    x, _ = pictures(rng, 96)
    y = rng.integers(0, 3, 96)
    result = fine_tune(
        make(),
        (x[:64], y[:64]),
        validation=(x[64:], y[64:]),
        epochs=0,
        verbose=0,
    )
    assert any("cannot be told" in sentence for sentence in result.warnings)


def test_imbalance_is_named_with_what_is_recognised(rng):
    x, y = pictures(rng, 90, 2)
    keep = np.concatenate([np.flatnonzero(y == 0), np.flatnonzero(y)[:2]])
    result = fine_tune(
        make(2),
        (x[keep], y[keep]),
        validation=(x[:20], y[:20]),
        epochs=0,
        verbose=0,
    )
    (sentence,) = [s for s in result.warnings if "unbalanced" in s]
    assert "class 1 has 2 of 47" in sentence
    assert "of 10 held out" in sentence


@pytest.mark.slow
def test_data_of_other_kinds(data):
    (x, y), validation = data
    loaded = types.SimpleNamespace(
        train=ArrayBatches(x, y, batch_size=16),
        validation=ArrayBatches(*validation, shuffle=False),
    )
    for train in (loaded, Batches(x, y, batch_size=16)):
        model = make()
        result = fine_tune(
            model, train, validation=validation, epochs=0, verbose=0
        )
        assert result.best["val_loss"] < 1.1


WRONG = {
    "epochs": {"epochs": -1},
    "blocks": {"blocks": 99},
    "blocks 0": {"blocks": 0},
    "learning_rate": {"learning_rate": 0},
    "layer_decay": {"layer_decay": 1.5},
    "l2sp": {"l2sp": "much"},
    "views": {"views": 1.5},
    "horizontal_flips": {"horizontal_flips": "yes"},
    "max_minutes": {"max_minutes": 0},
}


@pytest.mark.parametrize("case", WRONG)
def test_what_does_not_fit_is_named(case, data):
    train, validation = data
    with pytest.raises(ValueError, match=case.split()[0]):
        fine_tune(
            make(), train, validation=validation, verbose=0, **WRONG[case]
        )


def test_samples_without_labels(data):
    (x, _), _ = data
    with pytest.raises(ValueError, match="has no labels"):
        fine_tune(make(), x, verbose=0)
