"""Parts of a ranking that need no network."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn")

from keras_transfer.backbones.imagenet_accuracy import (
    IMAGENET_ACCURACY,
    imagenet_accuracy,
)
from keras_transfer.recipes.assessment.backbone_ranking import (
    BackboneRanking,
    RankedBackbone,
)
from keras_transfer.recipes.assessment.candidates import named_candidates
from keras_transfer.recipes.assessment.halving import (
    dropped,
    nested_order,
    round_sizes,
)
from keras_transfer.recipes.assessment.targets import targets_of
from keras_transfer.transferability.paired_difference import PairedDifference

pytestmark = pytest.mark.any_backend


def test_every_beginning_of_the_order_is_stratified():
    labels = np.repeat([0, 1, 2], [60, 30, 10])
    order = nested_order(labels, seed=3)
    assert sorted(order) == list(range(100))
    for size in (10, 20, 50, 90):
        counts = np.bincount(labels[order[:size]], minlength=3)
        assert np.abs(counts - size * np.array([0.6, 0.3, 0.1])).max() <= 1
    assert (order != nested_order(labels, seed=4)).any()
    numbers = np.zeros((7, 2))
    assert sorted(nested_order(numbers, seed=0)) == list(range(7))


@pytest.mark.parametrize(
    ("num_samples", "per_class", "candidates", "sizes"),
    [
        (2000, 200, 5, [512, 1024, 2000]),
        (2000, 200, 2, [2000]),  # no half to drop
        (500, 50, 5, [256, 500]),  # a quarter would be 12 a class
        (390, 130, 5, [390]),  # a half would be 195 samples
        (40, 4, 5, [40]),
    ],
)
def test_rounds(num_samples, per_class, candidates, sizes):
    assert round_sizes(num_samples, per_class, candidates, 32) == sizes


def test_who_is_dropped():
    means = {"a": 0.9, "b": 0.85, "c": 0.8, "d": 0.5, "e": 0.3}
    differences = {
        name: PairedDifference(0.9 - mean, 0.1) for name, mean in means.items()
    }
    assert dropped(means, differences, ()) == ["e", "d"]
    assert dropped(means, differences, {"e"}) == ["d"]
    # "d" is in the lower half, but could be as good as the best.
    differences["d"] = PairedDifference(0.4, 0.3)
    assert dropped(means, differences, ()) == ["e"]


@pytest.mark.parametrize(
    ("labels", "task", "kind", "outputs"),
    [
        (np.arange(20) % 3, "auto", "softmax", 3),
        (np.arange(20)[:, None] % 3, "auto", "softmax", 3),
        (np.eye(4)[np.arange(20) % 3], "auto", "softmax", 4),
        (np.tile([[1, 1], [0, 1]], (10, 1)), "auto", "sigmoid", 2),
        (np.linspace(0, 1, 20), "auto", "linear", 1),
        (np.arange(20) % 3, "regression", "linear", 1),
        (np.arange(20.0) % 3, "classification", "softmax", 3),
    ],
)
def test_targets(labels, task, kind, outputs):
    targets = targets_of(labels, task)
    assert (targets.kind, targets.num_outputs) == (kind, outputs)
    assert targets.head().num_outputs == outputs


def test_scores_of_samples():
    targets = targets_of(np.arange(10) % 2)
    logits = np.array([[1.0, 0.0], [1.0, 0.0]])
    assert targets.scores(logits, np.array([0, 1])).tolist() == [1, 0]
    several = targets_of(np.tile([[1, 1], [0, 1]], (5, 1)))
    found = several.scores(np.array([[2.0, -1.0]]), np.array([[1, 1]]))
    assert found.tolist() == [0.5]
    numbers = targets_of(np.linspace(0, 9, 10))
    labels = np.array([[1.0], [3.0]])
    found = numbers.scores(np.array([[1.0], [2.0]]), labels)
    # Variance 1: errors 0 and 1; the mean, 0.5, is R squared.
    assert found.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("labels", "task", "message"),
    [
        (np.array(["cat", "dog"] * 10), "auto", "np.unique"),
        (np.zeros(20, int), "auto", "one class, 0"),
        (np.where(np.arange(20) == 3, np.nan, 1.0), "auto", "in 1 of 20"),
        (np.arange(3), "auto", "3 samples. Expected at least 10"),
        (np.arange(20) - 1, "auto", "whole numbers from 0"),
        (np.arange(20), "auto", "20 samples of 20 classes"),
        (np.arange(20) * 50, "auto", "numbered up to 950"),
        (np.linspace(0, 1, 20), "classification", "whole numbers from 0"),
        (np.zeros((10, 2, 2)), "auto", "one row for each sample"),
        (np.arange(20) % 2, "labels", "'auto' or one of"),
    ],
)
def test_labels_that_cannot_be_ranked_on(labels, task, message):
    with pytest.raises(ValueError, match=message):
        targets_of(labels, task)


def test_candidates_and_their_priors():
    found = named_candidates(
        ["MobileNet", Path("nets/own.keras"), "hub:other"],
        prior={"nets/own.keras": 0.5},
    )
    names = ["MobileNet", "nets/own.keras", "hub:other"]
    assert [c.name for c in found] == names
    assert [c.prior for c in found] == [0.704, 0.5, None]
    (random,) = named_candidates("MobileNet", weights=None)
    assert random.prior is None
    own = named_candidates({"a": "VGG16", "b": "VGG16"}, {"b": "file.h5"})
    assert [(c.weights, c.prior) for c in own] == [
        ("imagenet", 0.713), ("file.h5", None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("candidates", "options", "message"),
    [
        (["a.keras", "a.keras"], {}, "'a.keras' 2 times. Pass a dict"),
        ([], {}, "nothing to rank"),
        (None, {}, "nothing to rank"),
        (["VGG16"], {"prior": {"VGG": 0.7}}, "'VGG'. Expected: 'VGG16'"),
        (["VGG16"], {"prior": {"VGG16": 71.3}}, "Divide percentages"),
        (["VGG16"], {"weights": {"VGG": None}}, "`weights` names a candidate"),
    ],
)
def test_candidates_that_cannot_be(candidates, options, message):
    with pytest.raises(ValueError, match=message):
        named_candidates(candidates, **options)


def test_published_accuracies():
    from keras_transfer.backbones.applications import APPLICATIONS

    assert set(IMAGENET_ACCURACY) <= set(APPLICATIONS)
    assert all(0.6 < value < 0.9 for value in IMAGENET_ACCURACY.values())
    assert imagenet_accuracy("ResNet50") == 0.749
    assert imagenet_accuracy("ResNet50", "own.h5") is None
    assert imagenet_accuracy("own.keras") is None


def ranking(**rows):
    """Rows by name: (prior, probe, whether within noise, fine-tuned)."""
    return BackboneRanking([
        RankedBackbone(name, prior, probe, is_noise=is_noise, fine_tuned=tuned)
        for name, (prior, probe, is_noise, tuned) in rows.items()
    ])  # fmt: skip


def test_what_is_best():
    clear = ranking(a=(0.6, 0.9, True, None), b=(0.8, 0.7, False, None))
    assert clear.best() == "a"
    assert clear.to_finetune == ["b", "a"]
    close = ranking(a=(0.6, 0.9, True, None), b=(0.8, 0.89, True, None))
    assert close.best() == "b"
    tuned = ranking(a=(0.6, 0.9, True, 0.97), b=(0.8, 0.89, True, 0.95))
    assert tuned.best() == "a"
    unknown = ranking(a=(None, 0.9, True, None), b=(None, 0.8, True, None))
    assert (unknown.best(), unknown.to_finetune) == ("a", ["a"])
    with pytest.raises(KeyError, match="Expected one of a, b"):
        unknown["c"]
