"""What is expected on data without labels, and when not to believe it."""

import json

import numpy as np
import pytest

pytest.importorskip("sklearn")

from doubles import Batches
from small_recipes import make, pictures

import keras_transfer as kt
from keras_transfer.data import without_labels


@pytest.fixture(scope="module")
def trained():
    """A model of three classes of brightness, and samples it has not seen."""
    rng = np.random.default_rng(0)
    model = make()
    x, y = pictures(rng, 360, step=40.0)
    kt.fine_tune(model, (x[:120], y[:120]), epochs=0, verbose=0)
    return model, (x[120:240], y[120:240]), (x[240:], y[240:])


def expected(model, new, known, **options):
    return kt.expected_accuracy(
        model, unlabelled=new, validation=known, verbose=0, **options
    )


def test_more_of_the_same_kind_is_expected_to_go_as_well(trained):
    model, validation, (x, y) = trained
    found = expected(model, x, validation)
    truth = np.mean(model.predict(x, verbose=0).argmax(axis=1) == y)
    assert found.low - 0.05 <= truth <= found.high + 0.05
    assert found.low <= found.value <= found.high
    assert not found.is_shifted
    assert "no shift found" in str(found)
    accuracy = np.mean(
        model.predict(validation[0], verbose=0).argmax(axis=1) == validation[1]
    )
    assert found.validation_accuracy == pytest.approx(accuracy)
    assert (found.num_validation, found.num_unlabelled) == (120, 120)


def test_another_kind_of_pictures_is_called_shifted(trained):
    model, validation, (x, _) = trained
    found = expected(model, x[..., ::-1] * [1.0, 0.3, 0.0], validation)
    assert found.is_shifted
    assert "shifted: not reliable" in str(found)
    written = json.loads(json.dumps(found.to_json()))
    assert written["is_shifted"] is True and written["value"] == found.value


def test_samples_to_judge_have_no_labels(trained):
    model, validation, (x, y) = trained
    bare = expected(model, x, validation)
    new = without_labels((x, 2 - y))
    assert expected(model, new, Batches(*validation)) == bare
    for labelled in ((x, y), Batches(x, y)):
        with pytest.raises(ValueError, match="`unlabelled` takes samples wi"):
            expected(model, labelled, validation)
    one_hot = validation[0], np.eye(3)[validation[1]]
    assert expected(model, x, one_hot) == bare
    assert expected(model, x, validation, seed=1) != bare


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x, v: (x, v[0]), "`validation` has no labels"),
        (lambda x, v: (x[:3], v), "too few samples.*\n?.*Received: 3"),
        (lambda x, v: (x, (v[0], v[1] + 1)), "do not fit the head"),
        (lambda x, v: (x, (v[0], np.array(["a"] * 120))), "Labels are numbers"),
        (lambda x, v: (x, (v[0], v[1] - 1)), "whole numbers from 0"),
        (lambda x, v: (x[:, 1:], v), "samples of `unlabelled` do not fit"),
        (lambda x, v: (x, (v[0], v[1][:-1])), "same number of samples"),
        (lambda x, v: (x * np.nan, v), "not numbers|NaN"),
        (lambda x, v: (x, (v[0], 0 * v[1])), "labels of one class"),
    ],
)
def test_bad_data_are_named(trained, change, message):
    model, validation, (x, _) = trained
    with pytest.raises(ValueError, match=message):
        expected(model, *change(x, validation))


def test_other_heads_are_refused():
    x, y = pictures(np.random.default_rng(0), 20)
    for head in (
        kt.RegressionHead(1),
        kt.ClassificationHead(3, activation="sigmoid"),
    ):
        with pytest.raises(ValueError, match="with a softmax"):
            expected(make(head), x, (x, y))
    with pytest.raises(ValueError, match="A TransferModel is expected"):
        expected(make().backbone, x, (x, y))
