"""Unknown samples are told from known ones, and false alarms are counted."""

import numpy as np
import pytest

pytest.importorskip("sklearn")

from small_nets import built, dense_net

import keras_transfer as kt
from keras_transfer import feature_cache
from keras_transfer.transferability import unknown_score


def make(head=3):
    """Without biases: the features of -x are those of x, negated."""
    return built(lambda: dense_net(2, 8, use_bias=False), head=head)


@pytest.fixture(scope="module")
def parts():
    """A model; training, validation and new samples; and opposite ones."""
    rng = np.random.default_rng(0)
    x = (2 + rng.normal(size=(260, 6))).astype("float32")
    return make(), x[:100], x[100:160], x[160:], -x[160:200]


@pytest.fixture(scope="module")
def detector(parts):
    model, train, validation, *_ = parts
    return kt.UnknownDetector.fit(
        model, train, validation=validation, verbose=0
    )


def features(model, x):
    found = feature_cache.features(model, (x,), verbose=0)
    return np.asarray(found.take(found.rows))


def test_scores_are_distances_between_features(detector, parts):
    model, train, _, new, _ = parts
    expected = unknown_score(
        train=features(model, train), features=features(model, new)
    )
    # What is kept of the training samples has 16 bits.
    np.testing.assert_allclose(detector.score(new), expected, atol=2e-3)


def test_the_threshold_is_the_rank_that_the_rate_asks_for(detector, parts):
    scores = np.sort(detector.score(parts[2]))
    # Of 61 places the 58th is the first with at most 5 % above it.
    assert detector.threshold == pytest.approx(scores[57], abs=1e-6)
    assert detector.false_alarm_rate == pytest.approx(3 / 61)
    assert detector.is_unknown(parts[2]).sum() == 2
    assert "about 4.9% of known" in str(detector)


def test_few_samples_allow_no_low_rate_and_say_so(parts):
    model, train, validation, *_ = parts
    few = kt.UnknownDetector.fit(
        model, train, validation=validation[:4], verbose=0
    )
    assert few.false_alarm_rate == pytest.approx(1 / 5)
    assert few.threshold == pytest.approx(few.score(validation[:4]).max())


def test_what_is_unlike_the_training_data_is_unknown(detector, parts):
    *_, new, other = parts
    assert detector.is_unknown(new).mean() < 0.2
    assert detector.is_unknown(other).mean() > 0.8


def test_a_shifted_batch_is_warned_of_and_a_small_one_is_not(detector, parts):
    *_, new, other = parts
    assert detector.shift_warning(detector.score(new)) is None
    scores = detector.score(other)
    assert "unlike the training data" in detector.shift_warning(scores)
    assert detector.shift_warning(scores[:29]) is None


def test_training_samples_are_judged_by_the_others(parts):
    model, train, _, new, _ = parts
    alone = kt.UnknownDetector.fit(model, train, verbose=0)
    assert alone.reference.name == "train"
    assert not alone.reference.were_trained_on
    assert alone.threshold > 0
    assert alone.is_unknown(new).mean() < 0.2


def test_scores_of_samples_that_blocks_were_trained_on_say_so(parts):
    _, train, _, _, other = parts
    model = make()
    kt.set_trainable_depth(model, 1)
    tuned = kt.UnknownDetector.fit(model, train, verbose=0)
    assert "several times as many false alarms" in str(tuned)
    assert tuned.shift_warning(tuned.score(other)) is None


def test_a_file_gives_the_same_detector(detector, parts, tmp_path):
    model, *_, new, _ = parts
    detector.save(tmp_path / "unknown.npz")
    model.save(tmp_path / "model.keras")
    read = kt.load_model(tmp_path / "model.keras")
    again = kt.UnknownDetector.load(tmp_path / "unknown.npz", read)
    assert again.to_json() == detector.to_json()
    np.testing.assert_allclose(again.score(new), detector.score(new), atol=1e-6)


def test_the_size_of_a_file_is_bounded(parts, tmp_path):
    model, train, *_ = parts
    small = kt.UnknownDetector.fit(model, train, max_samples=30, verbose=0)
    assert len(small.reference.features) == 30
    small.save(tmp_path / "unknown.npz")
    size = (tmp_path / "unknown.npz").stat().st_size
    assert size < 30 * (2 * small.reference.features.shape[1] + 8) + 2000


def test_damaged_files_and_files_of_other_models_are_refused(
    detector, parts, tmp_path
):
    path = tmp_path / "unknown.npz"
    load = kt.UnknownDetector.load
    with pytest.raises(FileNotFoundError, match="There is no file"):
        load(path, parts[0])
    detector.save(path)
    other = built(lambda: dense_net(2, 8, use_bias=False), seed=1)
    with pytest.raises(ValueError, match="belongs to another model"):
        load(path, other)
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(ValueError, match="cannot be read"):
        load(path, parts[0])


def test_other_heads_have_an_unknown_score_too(parts):
    _, train, _, _, other = parts
    model = make(lambda: kt.RegressionHead(2))
    found = kt.UnknownDetector.fit(model, train, verbose=0)
    assert found.is_unknown(other).mean() > 0.8


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"false_alarm_rate": 0}, "above 0 and below 1"),
        ({"false_alarm_rate": "5%"}, "above 0 and below 1"),
        ({"train": np.ones((20, 5))}, "samples of `train` do not fit"),
        ({"train": np.ones((2, 6))}, "Received: 2 training samples"),
        ({"train": np.full((20, 6), np.nan)}, "not numbers|NaN"),
        ({"model": "MobileNetV2"}, "A TransferModel is expected"),
    ],
)
def test_bad_input_is_named(parts, options, message):
    given = {"model": parts[0], "train": parts[1], "verbose": 0} | options
    with pytest.raises(ValueError, match=message):
        kt.UnknownDetector.fit(**given)
