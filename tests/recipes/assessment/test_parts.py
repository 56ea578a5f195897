"""The net without its weights, the notes taken while reading, parts."""

import numpy as np
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("scipy")

import keras
from keras.ops import convert_to_numpy as to_numpy
from small_recipes import colour_net, coloured, make, pictures

from keras_transfer.data.batches import ArrayBatches
from keras_transfer.data.views import SubsetBatches
from keras_transfer.recipes import fine_tune
from keras_transfer.recipes.assessment.before_training import (
    assess_before_training,
)
from keras_transfer.recipes.assessment.noted_batches import NotedBatches
from keras_transfer.recipes.assessment.pixel_check import pixel_faults
from keras_transfer.recipes.assessment.random_net import with_random_weights
from keras_transfer.recipes.assessment.similarity import similarity
from keras_transfer.recipes.assessment.stored_statistics import (
    distance_to_stored,
)
from keras_transfer.recipes.assessment.subsets import some_rows
from keras_transfer.training import random_state


def norm_of(model):
    """Its batch-norm layer, and a function from images to what goes in."""
    norm = next(
        layer
        for layer in model.backbone.layers
        if isinstance(layer, keras.layers.BatchNormalization)
    )
    second = model.backbone.get_layer("second").output
    below = keras.Model(model.backbone.input, second)
    return norm, lambda x: to_numpy(below(model.preprocessing(x)))


def test_random_weights_and_statistics_of_the_data(rng):
    model = make()
    x, y = pictures(rng, 64)
    state = random_state.collect()[0]["numpy"]
    fresh = with_random_weights(model, ArrayBatches(x, y), seed=1)
    assert (random_state.collect()[0]["numpy"] == state).all()
    first = fresh.backbone.get_layer("first")
    own = to_numpy(model.backbone.get_layer("first").kernel)
    assert not np.allclose(own, to_numpy(first.kernel))
    # They are those of what comes into the layer, of these samples.
    norm, incoming = norm_of(fresh)
    found = incoming(x)
    np.testing.assert_allclose(
        to_numpy(norm.moving_mean), found.mean(axis=(0, 1, 2)), rtol=1e-3
    )
    assert not np.allclose(to_numpy(norm.moving_variance), 1)
    again = with_random_weights(model, ArrayBatches(x, y), seed=1)
    for a, b in zip(fresh.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_distance_from_stored_statistics(rng):
    x, y = pictures(rng, 64)
    model = make()
    norm, incoming = norm_of(model)

    def stored(images):
        values = incoming(images)
        norm.moving_mean.assign(values.mean(axis=(0, 1, 2)))
        norm.moving_variance.assign(values.var(axis=(0, 1, 2)))
        before = model.get_weights()
        found = distance_to_stored(model, ArrayBatches(x, y))
        for a, b in zip(before, model.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
        return found

    same = stored(x)
    assert (same.layers, same.num_samples) == (1, 64)
    assert same.distance < 1e-3
    assert same.reading == "hardly differ"
    dark = 0.2 * x
    far = stored(dark)
    halves = [incoming(x[:32]), incoming(x[32:])]
    mean = np.mean([half.mean(axis=(0, 1, 2)) for half in halves], axis=0)
    variance = np.mean([half.var(axis=(0, 1, 2)) for half in halves], axis=0)
    expected = incoming(dark)
    variances = expected.var(axis=(0, 1, 2))
    distance = (
        np.sum((mean - expected.mean(axis=(0, 1, 2))) ** 2)
        + np.sum((np.sqrt(variance) - np.sqrt(variances)) ** 2)
    ) / variances.sum()
    assert far.distance == pytest.approx(distance, rel=1e-3)
    assert far.reading == "differ strongly"


def test_without_batch_norm_nothing_is_stored(rng):
    data = ArrayBatches(*pictures(rng, 16))
    assert distance_to_stored(colour_net(), data) is None


def test_what_an_adapted_layer_knows_stays(rng):
    import keras_transfer as kt

    scale = keras.layers.Normalization()
    scale.adapt(rng.normal(5, 3, (50, 4)))
    inputs = keras.Input((4,))
    x = keras.layers.Dense(6, activation="relu")(scale(inputs))
    model = kt.TransferModel(keras.Model(inputs, x), head=3, preprocessing=None)
    data = ArrayBatches(rng.normal(size=(32, 4)).astype("float32"))
    fresh = with_random_weights(model, data)
    scales = [
        next(
            layer
            for layer in net.backbone.layers
            if isinstance(layer, keras.layers.Normalization)
        )
        for net in (model, fresh)
    ]
    np.testing.assert_allclose(
        to_numpy(scales[0].mean), to_numpy(scales[1].mean)
    )


def test_notes_are_those_of_each_sample(rng):
    x, y = pictures(rng, 10)
    noted = NotedBatches(ArrayBatches(x, y, batch_size=4))
    noted.read(np.array([3, 1]))
    assert noted.means[3] == pytest.approx(x[3].mean(), rel=1e-5)
    assert noted.deviations[1] == pytest.approx(x[1].std(), rel=1e-5)
    assert np.isnan(noted.means[0]) and noted.digests[0] is None
    noted.read_what_is_missing()
    assert len(set(noted.digests)) == 10
    np.testing.assert_array_equal(noted.read_labels(), y)
    assert noted.fingerprint() == noted.batches.fingerprint()


def test_dark_blank_and_tiny(tmp_path):
    from PIL import Image

    from keras_transfer.data import PhotoBatches

    rng = np.random.default_rng(0)
    paths = []
    for index, (low, high, side) in enumerate(
        [(0, 255, 64), (0, 9, 64), (90, 91, 64), (0, 255, 20), (0, 255, 64)]
    ):
        pixels = rng.integers(low, high, (side, side, 3)).astype("uint8")
        paths.append(str(tmp_path / f"{index}.png"))
        Image.fromarray(pixels).save(paths[-1])
    noted = NotedBatches(PhotoBatches(paths, image_size=32, shuffle=False))
    noted.read_what_is_missing()
    found = {(each.sample, each.fault) for each in pixel_faults(noted)}
    assert found == {(1, "dark"), (2, "blank"), (3, "tiny")}


def test_scaled_images_are_judged_on_their_own_scale(rng):
    x = rng.uniform(0, 1, (6, 8, 8, 3))
    x[2] *= 0.03
    x[4] = 0.5
    noted = NotedBatches(ArrayBatches(x))
    noted.read_what_is_missing()
    found = {(each.sample, each.fault) for each in pixel_faults(noted)}
    assert found == {(2, "dark"), (4, "blank")}


@pytest.mark.any_backend
def test_similarity_tells_a_shift_from_another_draw(rng):
    a, b = rng.normal(size=(2, 150, 80))
    same = similarity(a, b)
    assert same.p_value > 0.05
    assert same.reading == "cannot be told apart"
    other = similarity(a, b + 1.0)
    assert other.p_value < 0.02
    # The distance is |shift|^2, 1 a direction of variance 1.
    assert other.reading == "differ strongly"
    little = similarity(*rng.normal(size=(2, 900, 4)) + [[[0.0]], [[0.2]]])
    assert little.reading == "differ a little"


@pytest.mark.any_backend
def test_a_part_keeps_the_shares_of_the_classes():
    y = np.repeat([0, 1, 2], [100, 50, 10])
    rows = some_rows(y, 80, 0)
    assert np.bincount(y[rows]).tolist() == [50, 25, 5]
    assert some_rows(y, 200, 0).tolist() == list(range(160))


def test_before_training_the_features_of_the_head_are_enough(rng):
    x, y = coloured(rng, 60)
    y[5] = (y[5] + 1) % 3
    told = []

    def tell(model, train, features, labels):
        told.append(assess_before_training(model, train, features, labels))

    model = colour_net()
    fine_tune(model, (x, y), epochs=0, on_features=tell, verbose=0)
    (found,) = told
    assert list(found.per_class.values()) == np.bincount(y).tolist()
    assert found.gain is None and found.similarity is None
    assert "Similarity" not in found.summary
    assert 5 in [each.places[0][1] for each in found.found("label")]
    held_out = SubsetBatches(ArrayBatches(x, y), np.arange(10))
    with pytest.raises(ValueError, match="8 labelled"):
        assess_before_training(model, held_out, x[:4].mean((1, 2)), y[:4])
