"""`rank_backbones` on pictures in three colours."""

import json

import keras
import numpy as np
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("scipy")

from small_recipes import coloured

import keras_transfer as kt
from keras_transfer.recipes.assessment import contender
from keras_transfer.transferability import log_me

layers = keras.layers
SIGHTED, POOR, BLIND = "sighted", "poor", "blind"


def net(name, kernel):
    """A network with a given 1 x 1 kernel from colours to channels."""
    inputs = keras.Input((8, 8, 3))
    x = layers.Rescaling(1 / 255)(inputs)
    layer = layers.Conv2D(len(kernel[0]), 1, activation="relu", name="body")
    model = keras.Model(inputs, layer(x), name=name)
    layer.kernel.assign(np.asarray(kernel)[None, None])
    return model


@pytest.fixture(scope="module")
def nets():
    """Three that see all colours, one of them, and none."""
    grey = np.full((3, 2), 1 / 3)
    red = grey + np.array([[0.5], [0.0], [0.0]])
    kernels = {SIGHTED: np.eye(3), POOR: red, BLIND: 0 * grey}
    return {name: net(name, kernel) for name, kernel in kernels.items()}


@pytest.fixture(scope="module")
def data():
    return coloured(np.random.default_rng(0), 840)


@pytest.fixture(scope="module")
def found(nets, data):
    given = [nets[BLIND], nets[SIGHTED], "not/there.keras", nets[POOR]]
    return kt.rank_backbones(given, data, verbose=0)


def test_the_order_is_that_of_what_they_see(found):
    names = [row.name for row in found.rows]
    assert names == [SIGHTED, POOR, BLIND, "not/there.keras"]
    assert found.best() == found.best_probe == SIGHTED
    assert found[SIGHTED].probe > 0.97
    assert 0.5 < found[POOR].probe < 0.9
    assert abs(found[BLIND].probe - 1 / 3) < 0.06
    for row in found.rows[:3]:
        assert row.low < row.probe <= row.high
        assert row.seconds_per_1000 > 0
    assert found[SIGHTED].num_params == 12
    assert found[SIGHTED].behind == 0
    assert found[SIGHTED].is_noise and not found[BLIND].is_noise


def test_a_candidate_that_fails_is_a_row(found):
    failed = found["not/there.keras"]
    assert "not/there.keras" in failed.error
    assert failed.probe is None and failed.num_samples == 0
    assert "FileNotFoundError" in str(found)


def test_the_worst_are_dropped_and_no_sample_is_seen_twice(
    nets, data, monkeypatch
):
    seen = {}

    def see(self, data, rows, **options):
        seen.setdefault(self.name, []).extend(rows)
        return original(self, data, rows, **options)

    original = contender.Contender.see
    monkeypatch.setattr(contender.Contender, "see", see)
    found = kt.rank_backbones(nets, data, verbose=0)
    assert len(seen[BLIND]) == found[BLIND].num_samples == 224
    assert found[BLIND].note == "dropped after 224"
    assert found[BLIND].is_noise is False
    assert sorted(seen[SIGHTED]) == list(range(840))
    per_class = np.bincount(data[1][seen[BLIND]])
    assert per_class.max() - per_class.min() <= 1


def test_the_best_prior_is_never_dropped(nets, data):
    prior = {BLIND: 0.9, SIGHTED: 0.2}
    found = kt.rank_backbones(nets, data, prior=prior, verbose=0)
    assert found[BLIND].num_samples == 840
    assert found.to_finetune == [BLIND, SIGHTED]
    assert found.best() == SIGHTED
    assert "Fine-tune these two" in str(found)


def test_log_me_is_that_of_the_features(found, nets, data):
    model = kt.TransferModel(nets[SIGHTED], head=3)
    features = kt.feature_cache.features(model, data, verbose=0)
    x = np.asarray(features.take(features.rows))
    assert found[SIGHTED].log_me == pytest.approx(log_me(x, data[1]), abs=1e-3)


def test_the_same_again(found, nets, data):
    given = [nets[BLIND], nets[SIGHTED], "not/there.keras", nets[POOR]]
    again = kt.rank_backbones(given, data, verbose=0)
    for row, other in zip(found.rows, again.rows, strict=True):
        assert (row.name, row.probe) == (other.name, other.probe)


def test_json_markdown_and_files(found, tmp_path):
    content = json.loads(found.to_json())
    assert content["best"] == SIGHTED
    assert content["candidates"][0]["name"] == SIGHTED
    markdown = found.to_markdown().splitlines()
    assert len(markdown) == 8
    assert markdown[2].startswith(f"| {SIGHTED} |")
    pytest.importorskip("matplotlib")
    written = found.write(tmp_path / "out")
    assert {p.name for p in (tmp_path / "out").iterdir()} == set(written)
    assert (tmp_path / "out" / "ranking.png").stat().st_size > 5000


def test_fine_tuning_the_two(nets, data, capsys):
    rows = slice(0, 40)
    few = data[0][rows], data[1][rows]
    pair = {name: nets[name] for name in (POOR, SIGHTED)}
    before = nets[SIGHTED].get_weights()
    found = kt.rank_backbones(
        pair, few, prior={POOR: 0.7}, fine_tune=True, verbose=1
    )
    assert "Fine-tuning poor." in capsys.readouterr().out
    assert found.num_samples == 32  # a fifth is held out
    tuned = {row.name: row.fine_tuned for row in found.rows}
    assert found.best() == max(tuned, key=tuned.get)
    assert found.model.backbone.count_params() == found[found.best()].num_params
    assert "fine-tuned" in str(found)
    for old, new in zip(before, nets[SIGHTED].get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize(
    ("labels", "score"),
    [
        (lambda y: np.eye(3)[y], "accuracy"),
        (lambda y: np.stack([y == 0, y > 0], 1).astype(int) * 1, "accuracy"),
        (lambda y: np.stack([y < 2, y > 0], 1).astype(int), "binary accuracy"),
        (lambda y: y * 1.5, "R2"),
    ],
)
def test_other_labels(nets, data, labels, score):
    rows = slice(0, 90)
    pair = {name: nets[name] for name in (BLIND, SIGHTED)}
    few = data[0][rows], labels(data[1][rows])
    found = kt.rank_backbones(pair, few, verbose=0)
    assert found.score_name == score
    assert found.best() == SIGHTED
    assert found[SIGHTED].probe > 0.8
    assert found[SIGHTED].probe > found[BLIND].probe + 0.2


def test_features_that_are_not_finite_are_a_row(nets, data):
    broken = net("broken", np.full((3, 2), np.inf))
    few = data[0][:60], data[1][:60]
    found = kt.rank_backbones([nets[SIGHTED], broken], few, verbose=0)
    assert "NaN or infinity" in found["broken"].error


def test_a_network_for_other_samples_is_a_row(nets, data):
    inputs = keras.Input((20,))
    other = keras.Model(inputs, layers.Dense(4)(inputs), name="vectors")
    few = data[0][:60], data[1][:60]
    found = kt.rank_backbones([nets[SIGHTED], other], few, verbose=0)
    assert "Cannot change the input of 'vectors'" in found["vectors"].error
    texts = np.array(["red", "green"] * 30)
    with pytest.raises(ValueError, match=r"samples of `data` do not fit"):
        kt.rank_backbones([nets[SIGHTED]], (texts, few[1]), verbose=0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x, y: (x, np.array(["a", "b", "c"])[y]), "np.unique"),
        (lambda x, y: (x, 0 * y), "one class"),
        (lambda x, y: (np.where(x > 200, np.nan, x), y), "NaN"),
        (lambda x, y: (x, y[:50]), "same number of samples"),
        (lambda x, y: (x,), "no labels"),
        (lambda x, y: (x[:3], y[:3]), "3 samples"),
    ],
)
def test_data_that_cannot_be_ranked_on(nets, data, change, message):
    few = data[0][:60], data[1][:60]
    with pytest.raises(ValueError, match=message):
        kt.rank_backbones(nets, change(*few), verbose=0)


def test_wrong_arguments(nets, data):
    same = [nets[SIGHTED], nets[SIGHTED]]
    with pytest.raises(ValueError, match="'sighted' 2 times"):
        kt.rank_backbones(same, data, verbose=0)
    with pytest.raises(
        ValueError, match=r"(?s)No candidate can be used.*a\.keras"
    ):
        kt.rank_backbones(["a.keras"], data, verbose=0)
    with pytest.raises(ValueError, match="folds=1"):
        kt.rank_backbones(nets, data, folds=1, verbose=0)
    with pytest.raises(ValueError, match="seed='a'"):
        kt.rank_backbones(nets, data, seed="a", verbose=0)
