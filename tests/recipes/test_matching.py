"""`match`: features on all samples, labels where there are some."""

import re

import keras
import numpy as np
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("scipy")

import keras_transfer as kt
from keras_transfer.data.batches import ArrayBatches
from keras_transfer.models import FeatureMatcher
from keras_transfer.recipes import match, matching

SIZE = (8, 8, 3)
NAMES = ["a", "b", "c"]


def pictures(rng, number):
    y = np.arange(number) % 3
    x = rng.uniform(0, 120, (number, *SIZE)) + 40.0 * y[:, None, None, None]
    return x.astype("float32"), y


def net(*widths, **arguments):
    layers = keras.layers
    inputs = keras.Input(SIZE)
    x = inputs
    for width in widths:
        x = layers.Conv2D(width, 3, padding="same", activation="relu")(x)
        x = layers.MaxPooling2D()(x)
    model = kt.TransferModel(
        keras.Model(inputs, x), 3, preprocessing="tf", weights=None,
        **arguments,
    )  # fmt: skip
    model.class_names = list(NAMES)
    return model


@pytest.fixture(scope="module")
def source():
    rng = np.random.default_rng(5)
    keras.utils.set_random_seed(0)
    model = net(8, 12)
    model.compile("auto")
    model.fit(*pictures(rng, 96), epochs=15, verbose=0)
    return model


def test_few_labels_and_more_samples_without(source, rng):
    keras.utils.set_random_seed(1)
    target = net(4, 6)
    unlabelled, _ = pictures(rng, 96)
    result = match(
        source=source, target=target, train=pictures(rng, 12),
        unlabelled=unlabelled, validation=pictures(rng, 30),
        epochs=10, learning_rate=1e-2, verbose=0,
    )  # fmt: skip
    stages = [stage["stage"] for stage in result.stages]
    assert stages[:3] == ["alone: all blocks", "matching", "head"]
    matching = [r for r in result.history if r["stage"] == "matching"]
    assert matching[-1]["matching_loss"] < 0.8 * matching[0]["matching_loss"]
    assert [pair.name for pair in result.pairs][-1] == "logits"
    x, y = pictures(rng, 60)
    assert np.mean(target.predict(x, verbose=0).argmax(axis=-1) == y) > 0.8
    # With few labels all blocks are fine-tuned at last.
    assert (target.trainable_depth, len(target.blocks)) == (2, 2)
    target.compile("auto")
    logs = target.evaluate(x, y, verbose=0, return_dict=True)
    assert logs["loss"] < 0.5 * np.log(3)


def test_the_scores_learnt_are_kept_if_labels_only_harm(source, rng):
    keras.utils.set_random_seed(1)
    target = net(4, 6)
    x, y = pictures(rng, 48)
    wrong = x, (y + 1) % 3
    result = match(
        source=source, target=target, train=wrong, unlabelled=x,
        validation=pictures(rng, 30), epochs=15,
        learning_rate=1e-2, batch_size=8, verbose=0,
    )  # fmt: skip
    assert result.best["stage"] == "matching"
    assert result.choices[-1]["value"] == "with the scores learnt"
    assert result.helped is True and "matching helped" in repr(result)
    assert not any("did not help" in each for each in result.warnings)
    x, y = pictures(rng, 60)
    # The labels alone would teach it to be always wrong.
    assert np.mean(target.predict(x, verbose=0).argmax(axis=-1) == y) > 0.5


@pytest.mark.slow
def test_other_classes_and_no_validation(source, rng):
    target = net(4, 6)
    target.class_names = ["x", "y", "z"]
    data = ArrayBatches(*pictures(rng, 48), batch_size=16)
    result = match(
        source=source, target=target, train=data, epochs=1, verbose=0
    )
    assert all(pair.name != "logits" for pair in result.pairs)
    stages = [stage["stage"] for stage in result.stages]
    assert "matching" in stages
    assert any(stage.startswith("all labels: ") for stage in stages)


def test_no_worse_on_validation_than_alone(source, rng):
    class Noise(keras.layers.Layer):
        """Features that have nothing to do with the input."""

        def call(self, inputs):
            return keras.random.uniform(keras.ops.shape(inputs), seed=3)

    inputs = keras.Input(SIZE)
    x = keras.layers.Conv2D(12, 3, bias_initializer="ones")(inputs)
    x = Noise()(keras.layers.MaxPooling2D()(x))
    useless = kt.TransferModel(
        keras.Model(inputs, x), 3, preprocessing="tf", weights=None
    )
    # A target that has learnt it already.
    target = source.clone()
    target.set_weights(source.get_weights())
    target._mark_pretrained()
    validation = pictures(rng, 30)
    result = match(
        source=useless, target=target, train=pictures(rng, 12), unlabelled=None,
        validation=validation, epochs=3,
        learning_rate=10.0, verbose=0,
    )  # fmt: skip
    # The reason of the choice names the loss of each candidate.
    reasons = [c["reason"] for c in result.choices if "alone 0" in c["reason"]]
    losses = re.findall(r"\d+\.\d{4}", reasons[-1])
    assert len(losses) > 1
    assert result.best["val_loss"] <= min(map(float, losses)) + 1e-4
    chosen_alone = result.choices[-1]["value"] == "alone"
    assert result.helped is not chosen_alone
    # How alike the features are now, and by how much more or less.
    (pair,) = result.pairs
    change = pair.similarity_after - pair.similarity
    assert f"{change:+.3f}" in str(result.pairs)
    target.compile("auto")
    logs = target.evaluate(*validation, verbose=0, return_dict=True)
    assert logs["loss"] == pytest.approx(result.best["val_loss"], rel=1e-3)


@pytest.mark.parametrize(
    "losses, helped, said",
    [
        ({"alone": 0.3, "matched": 0.5}, False, "matching did not help"),
        ({"alone": 0.5, "matched": 0.3}, True, "matching helped"),
        ({"matched": 0.3}, None, "not compared"),
        ({"alone": 0.3}, None, "not compared"),
    ],
)
def test_whether_matching_helped_is_said(losses, helped, said, capsys):
    recipe = matching._Recipe(net(4), {}, checkpoint=None, verbose=1)
    weights = recipe.target.get_weights()
    recipe.candidates = [
        matching._Candidate(name, {"val_loss": loss}, weights)
        for name, loss in losses.items()
    ]
    result = recipe.finished()
    assert result.helped is helped and said in repr(result)
    assert bool(result.warnings) == (helped is False)
    if helped is False:
        assert "alone 0.3000, matched 0.5000" in result.warnings[0]
        assert f"Note: {result.warnings[0]}" in capsys.readouterr().out


def test_features_that_became_less_alike_are_shown_as_that(source, rng):
    pairs = FeatureMatcher(source=source, target=net(4, 6)).pairs
    pairs[0].similarity, pairs[0].similarity_after = 0.75, 0.5
    assert pairs[0].similarity_change == -0.25
    assert "0.750" in str(pairs) and "-0.250" in str(pairs)
    assert pairs[1].similarity_change is None
    pairs[0].similarity_after = 0.7499
    assert "+0.000" in str(pairs)


@pytest.mark.parametrize(
    "wrong, error, message",
    [
        ({"epochs": 0}, ValueError, "epochs=0"),
        ({"learning_rate": -1.0}, ValueError, "learning_rate=-1.0"),
        ({"compare": False}, TypeError, "compare"),
        ({"loss": "l2"}, ValueError, "no distance 'l2'"),
        ({"unlabelled": np.ones((4, 6, 8, 3))}, ValueError, "not of one shape"),
        (
            {"unlabelled": (np.ones((4, 8, 8, 3)), np.ones(4))},
            ValueError,
            "`unlabelled` takes samples without labels",
        ),
    ],
)
def test_what_is_wrong_is_found_before_anything_trains(
    wrong, error, message, source, rng
):
    target = net(4)
    before = target.get_weights()
    with pytest.raises(error, match=message):
        match(
            source=source,
            target=target,
            train=pictures(rng, 12),
            verbose=0,
            **wrong,
        )
    for a, b in zip(before, target.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_target_without_a_head(source, rng):
    for target in ("ResNet50", source.backbone):
        with pytest.raises(ValueError, match="has a head for your classes"):
            match(source=source, target=target, train=pictures(rng, 12))


def test_data_without_labels(source, rng):
    with pytest.raises(ValueError, match="has no labels"):
        match(
            source=source, target=net(4), train=pictures(rng, 12)[0], verbose=0
        )


def test_labels_are_learnt_in_the_end_as_they_were_compared(source, rng):
    result = match(
        source=source, target=net(4, 6), train=pictures(rng, 60), epochs=1,
        learning_rate=1e-3,
        compare_alone=False, verbose=0,
    )  # fmt: skip
    assert any(s["stage"] == "all labels: head" for s in result.stages)
    assert result.helped is None and "not compared" in repr(result)
    # What is held out is too little to say whether horizontal flips harm.
    assert all(c["choice"] != "horizontal flips" for c in result.choices)
