"""Levels joined to one vector, compared with a plain loop."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_transfer.layers import FeatureLevels, FeatureScaling, LevelPooling


def by_a_loop(levels):
    """Mean over positions, signed root, length of the first level's width."""
    rows = []
    for sample in zip(*levels, strict=True):
        row = []
        for level in sample:
            pooled = level.reshape(-1, level.shape[-1]).mean(axis=0)
            root = pooled / np.sqrt(np.abs(pooled) + 1e-4)
            row += list(root / np.linalg.norm(root))
        rows.append(np.array(row) * np.sqrt(levels[0].shape[-1]))
    return np.array(rows)


def test_a_plain_loop_gives_the_same(rng):
    levels = [
        rng.normal(size=(3, 5)).astype("float32"),
        rng.normal(size=(3, 4, 4, 2)).astype("float32"),
    ]
    found = ops.convert_to_numpy(FeatureLevels()(levels))
    np.testing.assert_allclose(found, by_a_loop(levels), rtol=1e-5)
    # The first level has a mean square of 1.
    np.testing.assert_allclose((found[:, :5] ** 2).mean(axis=1), 1, rtol=1e-5)


def test_the_root_keeps_the_sign_and_is_nearly_one():
    found = ops.convert_to_numpy(FeatureLevels()([np.array([[9.0, -16.0]])]))
    np.testing.assert_allclose(found[0, 1] / found[0, 0], -4 / 3, rtol=1e-4)


def test_a_level_of_zeros_stays_zero_and_is_finite():
    found = ops.convert_to_numpy(
        FeatureLevels()([np.ones((1, 2)), np.zeros((1, 3))])
    )
    np.testing.assert_allclose(found[0], [1, 1, 0, 0, 0], atol=1e-6)


def test_it_trains_through_features_of_zero(rng):
    # The slope of a plain root is infinite there.
    inputs = keras.Input((4,))
    dense = keras.layers.Dense(3)
    x = keras.layers.Dense(2)(FeatureLevels()([dense(inputs)]))
    dense.bias.assign([0.0, 1, 1])
    model = keras.Model(inputs, x)
    model.compile("sgd", "mse")
    model.fit(np.zeros((4, 4)), rng.normal(size=(4, 2)), verbose=0)
    assert all(np.isfinite(w).all() for w in model.get_weights())


def test_steps_that_a_mask_leaves_out_do_not_count():
    inputs = keras.Input((3, 2))
    x = keras.layers.Masking()(inputs)
    model = keras.Model(inputs, [LevelPooling()(x), FeatureLevels()([x])])
    given = np.array([[[1.0, 2], [3, 2], [0, 0]]])
    pooled, joined = model(given)
    np.testing.assert_allclose(pooled, [[2.0, 2]])
    np.testing.assert_allclose(joined, [[1.0, 1]], rtol=1e-6)


def test_scaling_centres_and_weighs():
    layer = FeatureScaling([(2, 1.0), (1, 0.5)])
    assert ops.convert_to_numpy(layer(np.array([[2.0, 4, 6]]))).tolist() == [
        [2, 4, 3]
    ]
    assert not layer.is_centred
    layer.centre.assign([1.0, 1, 4])
    assert layer.is_centred
    assert ops.convert_to_numpy(layer(np.array([[2.0, 4, 6]]))).tolist() == [
        [1, 3, 1]
    ]
    assert not layer.trainable_variables


def test_scaling_says_what_width_it_expects():
    with pytest.raises(ValueError, match="factors for 3 of them"):
        FeatureScaling([(2, 1.0), (1, 0.5)])(np.zeros((1, 4)))


@pytest.mark.parametrize(
    "layer", [FeatureLevels("max"), FeatureScaling([(3, 0.5)])]
)
def test_config_gives_the_layer_back(layer):
    again = type(layer).from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
