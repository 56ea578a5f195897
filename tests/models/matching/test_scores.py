"""Scores of any classifier: trained tops, softmax inside, one sigmoid."""

import keras
import numpy as np
import pytest
from small_heads import own_head
from small_matching import numpy, target

import keras_transfer as kt
from keras_transfer.graph import scales_pixels
from keras_transfer.models.matching.source_model import as_source
from keras_transfer.models.matching.taps import logits_tap, tapped

layers = keras.layers
SHAPE = (16, 16, 3)


def classifier(*ends, seed=1):
    """A classifier of somebody else, with weights as after training."""
    keras.utils.set_random_seed(seed)
    inputs = keras.Input(SHAPE)
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    x = layers.Conv2D(
        8, 3, strides=2, activation="relu", bias_initializer="ones", name="map"
    )(x)
    x = layers.GlobalAveragePooling2D()(x)
    for layer in ends:
        x = layer(x)
    return keras.Model(inputs, x)


def dense(units, activation=None):
    return layers.Dense(
        units, activation, kernel_initializer="random_normal", name="scores"
    )


ENDS = {
    "no activation": lambda: [dense(3)],
    "a softmax layer": lambda: [dense(3), layers.Softmax()],
    "an activation layer": lambda: [dense(3), layers.Activation("softmax")],
    "softmax inside": lambda: [dense(3, "softmax")],
    "dropout after it": lambda: [dense(3, "softmax"), layers.Dropout(0.1)],
}


@pytest.fixture
def images(rng):
    return rng.integers(0, 256, (12, *SHAPE)).astype("float32")


def scores_of(model, x):
    model = as_source(model)
    tap = logits_tap(model)
    scores = numpy(tapped(model, [tap])(x)[1])
    assert scores.shape[1:] == tap.shape
    return scores


def softmax(scores):
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("kind", ENDS)
def test_a_trained_top_gives_its_own_scores(kind, images):
    model = classifier(*ENDS[kind]())
    outputs = model.predict(images, verbose=0)
    expected = softmax(outputs) if kind == "no activation" else outputs
    np.testing.assert_allclose(
        softmax(scores_of(model, images)), expected, rtol=1e-4, atol=1e-6
    )


def test_a_sequential_and_a_head_of_ones_own(images):
    model = classifier(dense(3, "softmax"))
    sequential = keras.Sequential(model.layers)
    np.testing.assert_allclose(
        scores_of(sequential, images), scores_of(model, images), atol=1e-6
    )
    head = own_head(layers.Dense(3), layers.Softmax())
    model = kt.TransferModel(classifier(), head=head, output_layer="map")
    np.testing.assert_allclose(
        softmax(scores_of(model, images)),
        model.predict(images, verbose=0),
        rtol=1e-4,
    )


REFERENCES = {
    "logits": lambda source: {"pairs": ["logits"], "loss": "kl"},
    "soft targets": lambda source: {"soft_targets": True},
    "a layer": lambda source: {"pairs": [("scores", "logits")], "loss": "kl"},
    "a tensor": lambda source: {
        "pairs": [(source.get_layer("scores").output, "logits")],
        "loss": "kl",
    },
}


@pytest.mark.parametrize("reference", REFERENCES)
@pytest.mark.parametrize("kind", ["a softmax layer", "softmax inside"])
def test_each_reference_finds_the_scores(kind, reference, images):
    source = classifier(*ENDS[kind]())
    matcher = kt.FeatureMatcher(
        source=source,
        target=target(),
        task_weight=0,
        **REFERENCES[reference](source),
    )
    _, given, _ = matcher._parts.run_once(images)
    np.testing.assert_allclose(
        softmax(numpy(given[-1])), source.predict(images, verbose=0), rtol=1e-4
    )


def test_a_target_learns_the_scores_of_a_classifier_in_a_file(images, tmp_path):
    source = classifier(dense(3, "softmax"))
    source.save(tmp_path / "source.keras")
    model = target()
    matcher = kt.FeatureMatcher(
        source=tmp_path / "source.keras", target=model, pairs=["logits"],
        loss="kl",
        task_weight=0,
    )  # fmt: skip
    matcher.compile(keras.optimizers.Adam(0.01))
    before = [numpy(v).copy() for v in matcher.source.variables]
    losses = matcher.fit(images, epochs=15, verbose=0).history["loss"]
    assert losses[-1] < 0.5 * losses[0]
    for old, new in zip(before, matcher.source.variables, strict=True):
        np.testing.assert_array_equal(old, numpy(new))


SIGMOIDS = {
    "inside": lambda: classifier(dense(1, "sigmoid")),
    "a layer": lambda: classifier(dense(1), layers.Activation("sigmoid")),
    "a head": lambda: kt.TransferModel(
        classifier(),
        head=kt.ClassificationHead(1, activation="sigmoid"),
        output_layer="map",
    ),
}


@pytest.mark.parametrize("kind", SIGMOIDS)
def test_one_sigmoid_has_the_scores_of_two_classes(kind, images):
    model = SIGMOIDS[kind]()
    positive = model.predict(images, verbose=0)
    np.testing.assert_allclose(
        softmax(scores_of(model, images)),
        np.concatenate([1 - positive, positive], axis=1),
        rtol=1e-4,
    )


def test_two_names_are_matched_whether_softmax_or_sigmoid(images):
    head = kt.ClassificationHead(1, activation="sigmoid")
    models = [
        kt.TransferModel(classifier(seed=seed), head=head, output_layer="map")
        for seed, head in ((1, 2), (2, head))
    ]
    for model in models:
        model.class_names = ["cat", "dog"]
    matcher = kt.FeatureMatcher(source=models[0], target=models[1])
    assert matcher.pairs[-1].name == "logits"
    matcher.compile("auto")
    labels = np.arange(12) % 2
    history = matcher.fit(images, labels, verbose=0).history
    assert history["match_logits"][0] > 0


def test_names_of_numbers_are_not_classes():
    models = [
        kt.TransferModel(
            classifier(seed=seed),
            head=kt.RegressionHead(2),
            output_layer="map",
        )
        for seed in (1, 2)
    ]
    for model in models:
        model.class_names = ["width", "height"]
    matcher = kt.FeatureMatcher(source=models[0], target=models[1])
    names = [pair.name for pair in matcher.pairs]
    assert "logits" not in names


WITHOUT_SCORES = {
    "relu": (lambda: classifier(dense(3, "relu")), r"end in \['relu'\]"),
    "a relu layer": (
        lambda: classifier(dense(3), layers.ReLU()),
        r"end in \['relu'\]",
    ),
    "one number": (lambda: classifier(dense(1)), "one number a sample"),
}


@pytest.mark.parametrize("kind", WITHOUT_SCORES)
def test_what_has_no_scores_says_what_it_ends_in(kind):
    make, message = WITHOUT_SCORES[kind]
    options = {"head": kt.RegressionHead(1)} if kind == "one number" else {}
    with pytest.raises(ValueError, match=message):
        kt.FeatureMatcher(
            source=make(), target=target(**options), pairs=["logits"], loss="kl"
        )


def test_a_matcher_is_read_with_the_source_as_it_was(images, tmp_path):
    source = keras.applications.MobileNetV2(
        input_shape=(32, 32, 3), alpha=0.35, weights=None, classes=3
    )
    once = as_source(source)
    assert scales_pixels(once) == [True]
    x = np.resize(images, (2, 32, 32, 3)).astype("float32")
    np.testing.assert_array_equal(numpy(as_source(once)(x)), numpy(once(x)))
    matcher = kt.FeatureMatcher(
        source=classifier(dense(3, "softmax")),
        target=target(),
        soft_targets=True,
    )
    matcher.save(tmp_path / "matcher.keras")
    again = kt.load_model(tmp_path / "matcher.keras")
    for a, b in zip(
        matcher._parts.run_once(images)[1],
        again._parts.run_once(images)[1],
        strict=True,
    ):
        np.testing.assert_allclose(numpy(a), numpy(b), atol=1e-5)
