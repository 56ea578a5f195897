"""`FeatureAdapter`: shapes, numbers, and what cannot be reached."""

import keras
import numpy as np
import pytest

from keras_transfer import FeatureAdapter


def numpy(x):
    return keras.ops.convert_to_numpy(x)


SHAPES = [
    ((8, 8, 3), (4, 4, 5)),
    ((8, 8, 3), (8, 8, 5)),
    ((3, 3, 6), (7, 7, 2)),
    ((7, 5, 6), (3, 4, 6)),
    ((8, 8, 3), (5,)),
    ((9, 4), (3, 6)),
    ((5, 4), (9, 4)),
    ((5, 4), (7,)),
    ((4,), (6,)),
    ((8, 8, 3), (4, 4, None)),
    ((8, 8, 3), (None, None, 5)),
]


@pytest.mark.parametrize(("given", "wanted"), SHAPES)
def test_shapes(given, wanted, rng):
    x = rng.normal(size=(2, *given)).astype("float32")
    adapter = FeatureAdapter(wanted)
    found = numpy(adapter(x))
    shape = tuple(
        have if want is None else want
        for have, want in zip(given[-len(wanted) :], wanted, strict=True)
    )
    assert found.shape == (2, *shape)
    assert tuple(adapter.compute_output_shape(x.shape)) == found.shape
    symbolic = adapter(keras.Input(given))
    assert tuple(symbolic.shape[1:]) == shape


def test_nothing_to_do(rng):
    x = rng.normal(size=(2, 4, 4, 3)).astype("float32")
    adapter = FeatureAdapter((4, 4, 3))
    np.testing.assert_array_equal(numpy(adapter(x)), x)
    assert adapter.weights == []


def test_a_map_between_equal_channels_begins_as_the_identity(rng):
    x = rng.normal(size=(2, 4, 4, 3)).astype("float32")
    adapter = FeatureAdapter((4, 4, 3), always=True)
    np.testing.assert_allclose(numpy(adapter(x)), x, rtol=1e-6)
    assert len(adapter.trainable_variables) == 2


def test_a_multiple_is_averaged(rng):
    x = rng.normal(size=(2, 6, 4, 3)).astype("float32")
    found = numpy(FeatureAdapter((2, 2, 3))(x))
    expected = x.reshape(2, 2, 3, 2, 2, 3).mean(axis=(2, 4))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    steps = rng.normal(size=(2, 6, 3)).astype("float32")
    found = numpy(FeatureAdapter((2, 3))(steps))
    expected = steps.reshape(2, 2, 3, 3).mean(axis=2)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_channels_are_a_linear_map_at_each_position(rng):
    x = rng.normal(size=(2, 3, 3, 4)).astype("float32")
    adapter = FeatureAdapter((3, 3, 2))
    found = numpy(adapter(x))
    kernel, bias = (numpy(v) for v in adapter.projection.weights)
    np.testing.assert_allclose(found, x @ kernel + bias, rtol=1e-4, atol=1e-5)


def test_fewer_numbers_first(rng):
    """Down in size before the map, up in size after it: the same result."""
    x = rng.normal(size=(1, 8, 8, 3)).astype("float32")
    down = FeatureAdapter((4, 4, 5))
    down(x)
    pooled = x.reshape(1, 4, 2, 4, 2, 3).mean(axis=(2, 4))
    np.testing.assert_allclose(
        numpy(down(x)), numpy(down.projection(pooled)), rtol=1e-4, atol=1e-5
    )


def test_round_trip(rng, tmp_path):
    inputs = keras.Input((8, 8, 3))
    model = keras.Model(inputs, FeatureAdapter((4, 4, 5))(inputs))
    x = rng.normal(size=(2, 8, 8, 3)).astype("float32")
    model.save(tmp_path / "model.keras")
    back = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(numpy(back(x)), numpy(model(x)))


@pytest.mark.parametrize(
    ("given", "wanted"),
    [((4,), (3, 3, 4)), ((5, 4), (3, 3, 4)), ((None, None, 3), (4, 4, 3))],
)
def test_what_cannot_be_reached(given, wanted):
    with pytest.raises(ValueError, match="FeatureAdapter"):
        FeatureAdapter(wanted)(keras.Input(given))
