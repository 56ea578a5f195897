"""`adapt`: levels are centred on unlabelled images, nothing else moves."""

import numpy as np
import pytest
from keras import Input, Model, layers
from small_nets import residual_net, values
from small_recipes import colour_net

import keras_transfer as kt
from keras_transfer.feature_cache import boundary_at


def net(levels=2):
    """Two blocks that see colours, the first as they are."""
    inputs = Input((4, 4, 3))
    x = layers.Conv2D(3, 1, activation="relu", name="conv0")(inputs)
    x = layers.Conv2D(3, 1, activation="relu", name="conv1")(x)
    model = Model(inputs, x)
    for layer in model.layers[1:]:
        layer.set_weights([np.eye(3).reshape(1, 1, 3, 3), np.zeros(3)])
    return kt.TransferModel(model, 3, preprocessing=None, levels=levels)


def colours(rng, number, tint=(0, 0, 0)):
    """Classes that are brighter in one channel; a tint shifts all."""
    y = np.arange(number) % 3
    x = rng.uniform(20, 60, (number, 4, 4, 3)) + np.array(tint)
    x[np.arange(number), :, :, y] += 25
    return x.astype("float32"), y


@pytest.fixture
def model(rng):
    model = net()
    kt.fine_tune(model, colours(rng, 60), epochs=0, verbose=0)
    return model


def accuracy(model, x, y):
    return (model.predict(x, verbose=0).argmax(axis=1) == y).mean()


def test_tinted_images_are_told_apart_again(model, rng):
    x, y = colours(rng, 90, tint=(60, 0, 0))
    before = values(model.variables)
    assert accuracy(model, x, y) < 0.5
    found = kt.adapt(model, x, verbose=0)
    assert accuracy(found.model, x, y) > 0.9
    assert not found.warnings
    np.testing.assert_allclose(found.class_shares, 1 / 3, atol=0.1)
    # The model that was given is as it was.
    for one, other in zip(before, values(model.variables), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_formula(model, rng):
    x, _ = colours(rng, 40, tint=(10, 20, 0))
    _, spread, scale = model.level_scaling.get_weights()
    raw = values([boundary_at(model, 0).prefix(x)])[0]
    floor = 0.1 * spread.mean()
    expected = (
        (raw - raw.mean(axis=0)) * scale * (spread + floor)
        / (raw.std(axis=0) + floor)
    )  # fmt: skip
    adapted = kt.adapt(model, x, verbose=0).model
    found = values([adapted.level_scaling(raw)])[0]
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_the_training_images_change_little(model, rng):
    x, y = colours(rng, 90)
    adapted = kt.adapt(model, x, verbose=0).model
    assert abs(accuracy(adapted, x, y) - accuracy(model, x, y)) < 0.05


def test_it_warns_of_copies_of_one_image(model, rng):
    model.class_names = ["red", "green", "blue"]
    copies = np.repeat(colours(rng, 1)[0], 40, axis=0)
    found = kt.adapt(model, copies, verbose=0)
    assert "unlike equal shares of the classes: 67%" in found.warnings[0]
    name = model.class_names[int(found.class_shares.argmax())]
    assert f"100% are taken for '{name}'" in found.warnings[0]


def test_it_warns_of_other_classes_than_those_of_validation(model, rng):
    x, _ = colours(rng, 90)
    labels = np.repeat([0, 1, 2], [80, 5, 5])
    found = kt.adapt(model, x, validation=(x, labels), verbose=0)
    assert "unlike those of the validation data: 5" in found.warnings[0]


def test_the_estimate_is_reported(model, rng):
    found = kt.adapt(
        model, colours(rng, 60)[0], validation=colours(rng, 60), verbose=0
    )
    assert 0 <= found.expected_before.value <= 1
    assert 0 <= found.expected_after.value <= 1
    assert "expected accuracy" in repr(found)


def test_statistics_of_batch_norm_are_taken_anew(rng):
    model = kt.TransferModel(residual_net(), 3, preprocessing=None)
    x = rng.normal(3.0, 2.0, (64, 16, 16, 3)).astype("float32")
    before = values(model.variables)
    adapted = kt.adapt(model, x, batch_norm=True, verbose=0).model
    norm = adapted.backbone.get_layer("stem_norm")
    stem = values([adapted.backbone.get_layer("stem")(x)])[0]
    mean = values([norm.moving_mean])[0]
    np.testing.assert_allclose(mean, stem.mean(axis=(0, 1, 2)), atol=1e-3)
    assert adapted.trainable_depth == 0 and not norm.trainable
    for one, other in zip(before, values(model.variables), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.any_backend
@pytest.mark.parametrize(
    ("make", "data", "message"),
    [
        (colour_net, (64, 8), "nothing to adapt"),
        (net, (64, 4), "no centre yet"),
        (lambda: "model", (64, 4), "TransferModel is expected"),
    ],
)
def test_models_it_cannot_adapt(make, data, message):
    number, size = data
    with pytest.raises(ValueError, match=message):
        kt.adapt(make(), np.ones((number, size, size, 3)), verbose=0)


@pytest.mark.any_backend
def test_images_it_cannot_adapt_to(model, rng):
    x, y = colours(rng, 31)
    with pytest.raises(ValueError, match="31 in `unlabelled`"):
        kt.adapt(model, x, verbose=0)
    with pytest.raises(ValueError, match="takes samples without labels"):
        kt.adapt(model, (x, y), verbose=0)


def test_fine_tune_ends_with_it(rng):
    x, y = colours(rng, 90, tint=(60, 0, 0))
    data, model = colours(rng, 60), net()
    result = kt.fine_tune(model, data, epochs=0, unlabelled=x, verbose=0)
    assert accuracy(model, x, y) > 0.9
    assert result.adaptation.model is model
    assert result.adaptation.expected_before is None
    plain = net()
    kt.fine_tune(plain, data, epochs=0, verbose=0)
    expected = kt.adapt(plain, x, verbose=0).model
    for one, other in zip(
        values(expected.variables), values(model.variables), strict=True
    ):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_fine_tune_estimates_on_validation_data(rng):
    x, _ = colours(rng, 90, tint=(60, 0, 0))
    result = kt.fine_tune(
        net(), colours(rng, 60), validation=colours(rng, 30), epochs=0,
        unlabelled=x, verbose=0,
    )  # fmt: skip
    assert result.adaptation.expected_before.num_unlabelled == 90
    assert "an estimate that" in repr(result.adaptation)


@pytest.mark.parametrize(
    ("levels", "number", "message"),
    [("last", 40, "nothing to adapt"), (2, 31, "Received: 31 in `unlabelled`")],
)
def test_what_it_cannot_adapt_to_is_found_before(rng, levels, number, message):
    x, _ = colours(rng, number)
    model = net(levels)
    before = values(model.variables)
    with pytest.raises(ValueError, match=message):
        kt.fine_tune(model, colours(rng, 60), unlabelled=x, verbose=0)
    for one, other in zip(before, values(model.variables), strict=True):
        np.testing.assert_array_equal(one, other)
