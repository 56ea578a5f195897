"""A head that reads several depths: which, cut anywhere, trained, in files."""

import json

import keras
import numpy as np
import pytest
from small_nets import dense_net, residual_net, values

import keras_transfer as kt
from keras_transfer import feature_cache, graph
from keras_transfer.models.transfer.levels import level_indices

layers = keras.layers


def stages(*widths):
    """Convolutions, each a block; a new width is a new stage."""
    inputs = x = keras.Input((8, 8, 3))
    for index, width in enumerate(widths):
        x = layers.Conv2D(
            width, 3, padding="same", activation="relu", name=f"conv{index}",
            bias_initializer="ones",
        )(x)  # fmt: skip
    return keras.Model(inputs, x, name="stages")


def tokens():
    """A recurrent net of words: padding is masked all the way."""
    inputs = keras.Input((6,), dtype="int32")
    x = layers.Embedding(20, 8, mask_zero=True)(inputs)
    for _ in range(3):
        x = layers.LSTM(8, return_sequences=True)(x)
    return keras.Model(inputs, x)


def words(rng):
    return rng.integers(1, 20, (5, 6)) * (np.arange(6) < 4)


def images(rng):
    return rng.uniform(0, 255, (12, 8, 8, 3)).astype("float32")


@pytest.fixture
def model():
    return kt.TransferModel(
        stages(3, 3, 5, 4), head=3, preprocessing="tf", levels=[1, 2]
    )


@pytest.mark.any_backend
@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        ("last", ()),
        (1, ()),
        (2, (5,)),
        (3, (3, 5)),
        # Not as many ends of stages as asked for: all over the upper half.
        ("auto", (3, 4, 5, 6)),
        ([0, -2], (0, 6)),
        ([], ()),
    ],
)
def test_which_levels_are_read(levels, expected):
    # The stages end at blocks 1, 3 and 5.
    blocks = graph.blocks(stages(2, 2, 3, 3, 4, 4, 5, 5))
    assert level_indices(levels, blocks) == expected


@pytest.mark.any_backend
@pytest.mark.parametrize(
    "levels", ["all", 0, 5, True, 2.5, [4], [3], [1, 1], [-9], ["conv1"]]
)
def test_levels_that_do_not_exist(levels):
    with pytest.raises(ValueError, match="1 to 4, or different") as error:
        kt.TransferModel(stages(2, 3, 4, 5), 3, levels=levels)
    assert f"Received: levels={levels!r}" in str(error.value)
    assert "[0, 1, 2]" in str(error.value)


@pytest.mark.any_backend
def test_of_mobilenet_the_last_ends_of_stages():
    net = keras.applications.MobileNetV2(
        (32, 32, 3), alpha=0.35, include_top=False, weights=None
    )
    assert level_indices("auto", graph.blocks(net)) == (10, 13, 16, 17)


def test_the_backbone_keeps_its_output_and_its_blocks(model):
    assert model.backbone.output_shape == (None, 8, 8, 4)
    assert model.levels == (1, 2)
    assert model.features.shape == (None, 4 + 3 + 5)
    plain = kt.TransferModel(stages(3, 3, 5, 4), 3, preprocessing="tf")
    assert [b.name for b in model.blocks] == [b.name for b in plain.blocks]


def test_the_features_are_those_of_each_depth(model, rng):
    x = images(rng)
    parts = graph.tap(model.backbone, [3, 1, 2])(model.preprocessing(x))
    expected = kt.layers.FeatureLevels()(parts)
    found = feature_cache.boundary_at(model, 0).prefix(x)
    np.testing.assert_allclose(
        values([found])[0], values([expected])[0], atol=1e-5
    )


@pytest.mark.parametrize(
    ("kind", "levels"),
    [
        ("images", 4),
        ("images", [2]),
        ("words", [1]),
        pytest.param("words", 4, marks=pytest.mark.slow),
    ],
)
def test_cut_at_every_depth(kind, levels, rng):
    source, x = stages(3, 3, 5, 4), images(rng)
    if kind == "words":
        source, x = tokens(), words(rng)
    model = kt.TransferModel(source, 2, preprocessing=None, levels=levels)
    model.level_scaling.centre.assign(
        np.arange(model.features.shape[-1]) / 100 + 0.1
    )
    expected = values([model(x)])[0]
    deepest = feature_cache.boundary_at(model, len(model.blocks) - 1)
    for depth in range(len(model.blocks)):
        boundary = feature_cache.boundary_at(model, depth)
        features = boundary.prefix(x)
        found = values([boundary.suffix(features)])[0]
        np.testing.assert_allclose(found, expected, atol=1e-5)
        if depth < deepest.depth:
            way = feature_cache.between(deepest, boundary)
            found = keras.tree.flatten(way(deepest.prefix(x)))
            for one, other in zip(
                values(found), values(keras.tree.flatten(features)), strict=True
            ):
                np.testing.assert_allclose(one, other, atol=1e-5)
    assert np.ptp(expected) > 1e-4


def test_what_goes_past_a_cut_is_pooled(model, rng):
    below_both = feature_cache.boundary_at(model, 3).prefix(images(rng))
    assert below_both.shape == (12, 8, 8, 3)
    at_top = feature_cache.boundary_at(model, 1).prefix(images(rng))
    # The map at the cut is a level itself, and is pooled after it.
    assert [x.shape for x in at_top] == [(12, 8, 8, 5), (12, 3)]


def test_cached_training_is_uncached_training(model, rng):
    x, y = images(rng), np.arange(12) % 3
    found = []
    for cache in (None, "memory"):
        each = model.clone()
        each.compile(
            keras.optimizers.Adam(1e-2), "sparse_categorical_crossentropy"
        )
        kt.set_trainable_depth(each, 1)
        each.fit(x, y, batch_size=4, epochs=2, verbose=0, feature_cache=cache)
        found.append(values(each.variables))
        assert not np.allclose(found[-1][-1], values(model.variables)[-1])
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_views_hold_what_goes_past_the_cut(rng):
    """Where next to nothing is drawn, as without an augmentation."""
    x, y = images(rng), np.arange(12) % 3
    found = []
    for noise in (None, layers.GaussianNoise(1e-5, seed=1)):
        keras.utils.set_random_seed(0)
        model = kt.TransferModel(
            stages(3, 3, 5, 4), 3, preprocessing="tf", levels=[1, 2],
            augmentation=noise,
        )  # fmt: skip
        model.compile("sgd", "sparse_categorical_crossentropy")
        kt.set_trainable_depth(model, 1)
        views = 1 if noise is None else 2
        cache = feature_cache.FeatureCache("memory", views=views)
        model.fit(x, y, batch_size=4, epochs=2, verbose=0, feature_cache=cache)
        found.append(values(model.trainable_variables))
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-3)


def test_fit_sets_the_centre_once(model, rng):
    x, y = images(rng), np.arange(12) % 3
    model.compile("adam", "sparse_categorical_crossentropy")
    mean = values([feature_cache.boundary_at(model, 0).prefix(x)])[0].mean(0)
    model.fit(x, y, verbose=0)
    centre = values([model.level_scaling.centre])[0]
    np.testing.assert_allclose(centre, mean, atol=1e-5)
    kt.unfreeze(model)
    model.fit(x / 2, y, verbose=0)
    assert np.array_equal(values([model.level_scaling.centre])[0], centre)


def test_data_that_come_once_leave_the_centre(model, rng):
    x, y = images(rng), np.arange(12) % 3
    model.compile("adam", "sparse_categorical_crossentropy")
    once = ((x[i : i + 4], y[i : i + 4]) for i in (0, 4, 8))
    model.fit(once, verbose=0)
    assert not model.level_scaling.is_centred


def test_files_and_clones_give_everything_back(model, rng, tmp_path):
    x = images(rng)
    model.level_scaling.centre.assign(rng.normal(size=12))
    kt.set_trainable_depth(model, 2)
    expected = model.predict(x, verbose=0)
    model.save(tmp_path / "m.keras")
    for again in (kt.load_model(tmp_path / "m.keras"), model.clone()):
        assert again.levels == (1, 2)
        assert kt.trainable_blocks(again) == kt.trainable_blocks(model)
        found = again.predict(x, verbose=0)
        np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_file_that_says_nothing_of_levels_has_the_last(model):
    plain = kt.TransferModel(model.backbone, 3, preprocessing="tf")
    config = json.loads(json.dumps(plain.get_config()))
    assert config.pop("levels") == "last"
    assert kt.TransferModel.from_config(config).levels == ()


def test_the_logits_are_those_before_the_softmax(model, rng):
    x = images(rng)
    model.level_scaling.centre.assign(rng.normal(size=12))
    logits = values([model.logits(x)])[0]
    found = values([keras.ops.softmax(logits)])[0]
    np.testing.assert_allclose(found, values([model(x)])[0], atol=1e-5)


def test_vectors_have_levels_too(rng):
    source = dense_net(3, after={2: [layers.ReLU]})
    model = kt.TransferModel(source, 2, output_layer="dense2", levels=3)
    assert model(rng.normal(size=(4, 6))).shape == (4, 2)
    assert model.features.shape == (None, 15)


@pytest.mark.slow
@pytest.mark.parametrize("role", ["source", "target"])
def test_it_is_matched_both_ways(role, pictures, tiny_cnn):
    with_levels = kt.TransferModel(
        tiny_cnn(), 3, preprocessing="tf", levels=[1, 3]
    )
    plain = kt.TransferModel(residual_net(name="other"), 3, preprocessing="tf")
    models = {"source": with_levels, "target": plain}
    if role == "target":
        models = {"source": plain, "target": with_levels}
    matcher = kt.FeatureMatcher(**models, pairs=[(2, 2), ("logits", "logits")])
    matcher.compile("adam", "sparse_categorical_crossentropy")
    before = values(models["target"].variables)
    history = matcher.fit(*pictures, batch_size=8, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    after = values(models["target"].variables)
    assert any(
        not np.array_equal(a, b) for a, b in zip(before, after, strict=True)
    )
    # One that is equal to its source has nothing to learn from it.
    x = pictures[0]
    same = kt.FeatureMatcher(
        source=with_levels, target=with_levels.clone(), pairs=[("logits",) * 2],
        task_weight=0,
    )  # fmt: skip
    same.compile("adam")
    assert same.evaluate(x, verbose=0, return_dict=True)["loss"] < 1e-5
